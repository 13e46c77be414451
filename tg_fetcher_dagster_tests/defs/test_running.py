"""How a batch becomes a run, and what is known of runs by their keys."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
import time_machine

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.dagster_runs import DagsterRuns
from tg_fetcher_dagster.defs.partitions import CHATS
from tg_fetcher_dagster.defs.running import RUN_KEY, run_request
from tg_fetcher_dagster.ledger.askers import askers_of_batches
from tg_fetcher_dagster.ledger.batches import Batch, put
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.registration import begin_run, end_run
from tg_fetcher_dagster.requests.runs import RunStatus

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
DAYS = date(2025, 11, 3), date(2025, 11, 5)
STATUS = dg.DagsterRunStatus


def batch(**how: object) -> Batch:
    given = {"batch_id": "b1", "chats": ("news",), "first": DAYS[0], "last": DAYS[1], **how}
    return Batch(**given)  # type: ignore[arg-type]


def test_neighbouring_days_of_a_chat_are_a_range_and_the_urgent_ones_go_first() -> None:
    request = run_request(batch(priority=50, force=True, limit=7))
    assert (request.run_key, request.job_name, request.partition_key) == ("b1", "fetch_days", None)
    assert request.run_config == {
        "ops": {"messages": {"config": {"force": True, "strategy": "batch", "batch_id": "b1", "limit": 7}}}
    }
    assert request.tags == {
        "chat": "news",
        "days": "2025-11-03..2025-11-05",
        "dagster/priority": "-50",
        START: "news|2025-11-03",
        END: "news|2025-11-05",
    }
    assert run_request(batch(priority=0)).tags["dagster/priority"] == "0"


def test_one_day_of_several_chats_is_a_rectangle_and_an_unfinished_day_one_partition() -> None:
    many = run_request(batch(chats=("a", "b", "c"), last=DAYS[0]))
    assert (many.tags["chat"], many.tags[START], many.tags[END]) == (
        "3 chats",
        "a|2025-11-03",
        "c|2025-11-03",
    )
    today = run_request(batch(today=True, last=DAYS[0]))
    assert (today.job_name, today.partition_key) == ("fetch_today", "news")
    assert START not in today.tags
    assert today.tags["days"] == "2025-11-03 (unfinished)"


def test_tags_name_who_asked_in_one_short_line() -> None:
    def asked_by(*names: str) -> str:
        return str(run_request(batch(), names).tags["asked_by"])

    assert asked_by("nightly-report") == "nightly-report"
    assert asked_by("alice", "bob", "carol") == "alice and 2 more"
    assert asked_by("a\x1b[31m\nb") == "a [31m b"
    assert len(asked_by("x" * 200)) == len(asked_by("x" * 200, "y")) == 63
    assert asked_by("x" * 200, "y").endswith("… and 1 more")
    assert "asked_by" not in run_request(batch()).tags


def test_who_asked_is_named_as_the_command_names_him_or_by_where_it_came_from(ledger: Ledger) -> None:
    with ledger.write() as connection:
        put(connection, batch())
        for name in ("alice", "unknown", "alice", "bob"):
            asked = NewRequest(source="redis", days={"news": (DAYS[0],)}, requested_by=name)
            ask(connection, asked, now=now(), batch_id="b1")
        assert askers_of_batches(connection, ["b1", "b2"]) == {"b1": ("alice", "redis", "bob")}


def make_run(
    instance: dg.DagsterInstance, key: str, status: dg.DagsterRunStatus = STATUS.STARTED
) -> dg.DagsterRun:
    return instance.create_run_for_job(
        defs().resolve_job_def("fetch_days"), status=status, tags={RUN_KEY: key}
    )


def register(ledger: Ledger, run: dg.DagsterRun) -> None:
    begin_run(ledger, run_id=run.run_id, batch_id=None, parent_run_id=None, chats={"news": DAYS})


@pytest.mark.usefixtures("empty_environment")
def test_the_states_of_many_runs_are_one_query_and_a_key_without_a_run_is_not_there(
    instance: dg.DagsterInstance, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {key: make_run(instance, key, status) for key, status in (
        ("queued", STATUS.NOT_STARTED), ("done", STATUS.SUCCESS), ("canceled", STATUS.CANCELED)
    )}  # fmt: skip
    queries: list[object] = []
    asked = instance.get_runs
    monkeypatch.setattr(instance, "get_runs", lambda **how: queries.append(how) or asked(**how))

    states = DagsterRuns(instance, ledger).states(["queued", "done", "canceled", "nowhere"], [])

    assert len(queries) == 1
    assert {key: state.status for key, state in states.items()} == {
        "queued": RunStatus.ACTIVE,
        "done": RunStatus.SUCCEEDED,
        "canceled": RunStatus.CANCELED,
    }
    assert {key: state.run_id for key, state in states.items()} == {
        key: run.run_id for key, run in made.items()
    }


@pytest.mark.usefixtures("empty_environment")
def test_a_failed_run_died_where_it_did_not_end_itself(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    never, killed, failed = (make_run(instance, key, STATUS.FAILURE) for key in ("never", "killed", "failed"))
    register(ledger, killed)
    register(ledger, failed)
    end_run(ledger, failed.run_id, end="failed")
    states = DagsterRuns(instance, ledger).states(["never"], [killed.run_id, failed.run_id])
    assert {key: state.died for key, state in states.items()} == {
        "never": True,
        killed.run_id: True,
        failed.run_id: False,
    }
    assert never.run_id == states["never"].run_id


@pytest.mark.usefixtures("empty_environment")
def test_of_two_runs_of_one_key_each_is_found_by_its_id(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    working = make_run(instance, "b1")
    register(ledger, working)
    make_run(instance, "b1", STATUS.FAILURE)  # a second daemon's, by mistake: it was refused
    states = DagsterRuns(instance, ledger).states([], [working.run_id])
    assert states[working.run_id].status is RunStatus.ACTIVE


def test_a_run_that_this_instance_does_not_know_is_told_by_its_heartbeat(
    instance: dg.DagsterInstance, ledger: Ledger
) -> None:
    for run_id in ("beats", "ended"):
        begin_run(ledger, run_id=run_id, batch_id=None, parent_run_id=None, chats={"news": DAYS})
    end_run(ledger, "ended", end="failed")
    runs = DagsterRuns(instance, ledger)
    states = runs.states([], ["beats", "ended", "nowhere"])
    assert {key: (state.status, state.died) for key, state in states.items()} == {
        "beats": (RunStatus.ACTIVE, False),
        "ended": (RunStatus.FAILED, False),
    }
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61), tick=False):
        silent = runs.states([], ["beats"])["beats"]
    assert (silent.status, silent.died) == (RunStatus.FAILED, True)


def test_chats_stand_in_the_order_of_their_partitions(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    instance.add_dynamic_partitions(CHATS.name or "", ["b", "a"])
    assert list(DagsterRuns(instance, ledger).chat_order()) == ["b", "a"]
