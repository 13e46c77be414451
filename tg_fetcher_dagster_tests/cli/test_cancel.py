"""`cancel`: days end as cancelled, in the ledger and for consumers; runs that nobody waits for end, too."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
import pytest
import redis
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.ledger import batches, outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster_tests.cli.conftest import Command, kept_identities

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def known(env_file: Path) -> Iterator[Ledger]:
    """The ledger that the command's settings name."""
    ledger = Ledger.open(f"sqlite:///{Path('data').absolute() / '.ledger' / 'ledger.sqlite'}")
    yield ledger
    ledger.close()


def ask(ledger: Ledger, number: int, *days: int, chat: str = "news", batch_id: str | None = None) -> None:
    """Writes a planned request for days of November down."""
    with ledger.write() as connection:
        connection.execute(
            sa.insert(requests).values(
                request_id=f"r{number}", source="redis", state="planned", correlation_id=f"k{number}",
                command_id=f"c{number}", chat=chat, received_at=1.0, open_days=len(days),
            )
        )  # fmt: skip
        for day in days:
            row = {"request_id": f"r{number}", "chat": chat, "date": date(2025, 11, day), "seq": number}
            connection.execute(sa.insert(asks).values(**row, priority=0, batch_id=batch_id))


def states(ledger: Ledger) -> dict[str, list[str]]:
    """The states of each request's days."""
    with ledger.read() as connection:
        found = connection.execute(sa.select(asks.c.request_id, asks.c.state).order_by(asks.c.date))
        told: dict[str, list[str]] = {}
        for request_id, state in found:
            told.setdefault(request_id, []).append(state)
        return told


def events_of(ledger: Ledger) -> list[dict[str, Any]]:
    with ledger.read() as connection:
        return [orjson.loads(each.body) for each in outbox.recorded_after(connection, 0)]


def test_a_command_is_cancelled_and_each_of_its_days_is_told(command: Command, known: Ledger):
    ask(known, 1, 1, 2)
    ask(known, 2, 1)
    result = command("cancel", "--command", "c1", "--yes")
    assert (result.code, result.out) == (0, "cancelled: 2 days\n")
    assert states(known) == {"r1": ["cancelled", "cancelled"], "r2": ["open"]}
    told = [
        (each["event"], each["date"], each["error_type"], each["command_ids"]) for each in events_of(known)
    ]
    assert told == [
        ("fetch_failed", "2025-11-01", "cancelled", ["c1"]),
        ("fetch_failed", "2025-11-02", "cancelled", ["c1"]),
    ]
    with known.read() as connection:
        ended = connection.execute(sa.select(requests.c.state).where(requests.c.request_id == "r1"))
        assert ended.scalar() == "cancelled"


@pytest.mark.parametrize("by", ["command", "chat", "all"])
def test_a_command_in_the_spool_folder_that_nobody_has_taken_is_cancelled(
    command: Command, known: Ledger, env_file: Path, by: str
):
    with env_file.open("a") as file:
        file.write("REDIS_URL=\n")
    kept_identities().record(
        ChatIdentity(key="news_daily", marked_id=-1000000007003, type="channel", title="News",
                     username="news_daily", added_at=NOW)
    )  # fmt: skip
    given = command("fetch", "@news_daily", "--date", "2025-11-07", "--no-wait").out.strip()
    which = {"command": ["--command", given], "chat": ["@news_daily"], "all": ["--all"]}[by]
    result = command("cancel", *which, "--yes")
    assert result.code == 0, result.err
    assert not list(Path("data/.spool").glob("*.json"))
    told = [
        (each["chat"], each["date"], each["error_type"], each["command_ids"]) for each in events_of(known)
    ]
    assert told == [("news_daily", "2025-11-07", "cancelled", [given])]


@pytest.mark.parametrize("by", ["command", "chat", "all"])
def test_a_command_that_waits_in_redis_is_cancelled_where_commands_are_taken(
    command: Command, known: Ledger, env_file: Path, redis_url: str, by: str
):
    with env_file.open("a") as file:
        file.write(f"REDIS_URL={redis_url}\nRUN_SENSORS=true\n")
    kept_identities().record(
        ChatIdentity(key="news_daily", marked_id=-1000000007003, type="channel", title="News",
                     username="news_daily", added_at=NOW)
    )  # fmt: skip
    given = command("fetch", "@news_daily", "--date", "2025-11-07", "--no-wait").out.strip()
    which = {"command": ["--command", given], "chat": ["@news_daily"], "all": ["--all"]}[by]
    result = command("cancel", *which, "--yes")
    assert result.code == 0, result.err
    [event] = events_of(known)
    assert (event["date"], event["error_type"]) == ("2025-11-07", "cancelled")
    assert event["command_ids"] == [given]
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("tg_commands") == client.llen("tg_commands:processing") == 0


def test_a_checkout_for_development_takes_no_command_and_says_how_many_wait(
    command: Command, known: Ledger, env_file: Path, redis_url: str
):
    with env_file.open("a") as file:
        file.write(f"REDIS_URL={redis_url}\n")
    given = command("fetch", "@news_daily", "--date", "2025-11-07", "--no-wait").out.strip()
    result = command("cancel", "--command", given, "--yes")
    assert result.code == 1
    assert "1 commands wait untaken in tg_commands" in result.error
    assert "RUN_SENSORS" in result.error
    with redis.Redis.from_url(redis_url) as client:
        assert client.llen("tg_commands") == 1


def test_nobody_who_answers_cancels_nothing(command: Command, known: Ledger):
    ask(known, 1, 1)
    result = command("cancel", "--all")
    assert (result.code, states(known)) == (1, {"r1": ["open"]})
    assert "cancel 1 days of 1 request? [y/N]" in result.err
    assert command("cancel", "--all", stdin="yes\n").code == 0
    assert states(known) == {"r1": ["cancelled"]}


def test_a_chat_is_cancelled_whoever_asked(command: Command, known: Ledger):
    (Path("data") / "news").mkdir(parents=True)
    ask(known, 1, 1, chat="other")
    ask(known, 2, 2)
    ask(known, 3, 3)
    assert command("cancel", "@news", "--yes").code == 0
    assert states(known) == {"r1": ["open"], "r2": ["cancelled"], "r3": ["cancelled"]}


def test_a_command_without_days_yet_is_cancelled_with_the_days_that_it_names(command: Command, known: Ledger):
    raw = {"command": "fetch", "chat": "@unknown_chat", "mode": "range", "from": "2025-11-01",
           "to": "2025-11-02", "command_id": "c7"}  # fmt: skip
    with known.write() as connection:
        for number, state in enumerate(("new", "unresolved")):
            connection.execute(
                sa.insert(requests).values(
                    request_id=f"r{number}", source="redis", state=state, correlation_id="k",
                    received_at=1.0, raw=orjson.dumps({**raw, "command_id": f"c{number}"}),
                )
            )  # fmt: skip
    assert command("cancel", "--command", "c0", "--yes").code == 0
    assert [(each["chat"], each["date"]) for each in events_of(known)] == [
        ("unknown_chat", "2025-11-01"), ("unknown_chat", "2025-11-02"),
    ]  # fmt: skip
    with known.read() as connection:
        found = connection.execute(sa.select(requests.c.state).order_by(requests.c.seq)).scalars().all()
    assert found == ["cancelled", "unresolved"]


def test_what_has_ended_cannot_be_cancelled(command: Command, known: Ledger):
    assert command("cancel", "--all", "--yes").error == "error: nothing is asked for"
    assert "nothing is open of c9: it has ended" in command("cancel", "--command", "c9", "--yes").error
    assert command("cancel").code == 2
    assert command("cancel", "--all", "--command", "c1").code == 2


def test_a_run_that_nobody_waits_for_is_left_to_the_daemon(command: Command, known: Ledger):
    with known.write() as connection:
        for name in ("b1", "b2"):
            batch = batches.Batch(
                batch_id=name, chats=("news",), first=date(2025, 11, 1), last=date(2025, 11, 2),
                state="running", run_id=f"run-{name}",
            )  # fmt: skip
            batches.put(connection, batch)
    ask(known, 1, 1, batch_id="b1")
    ask(known, 2, 1, batch_id="b2")
    ask(known, 3, 2, batch_id="b2")
    result = command("cancel", "--command", "c1", "--command", "c2", "--yes")
    assert (result.code, result.out) == (0, "cancelled: 2 days\n"), result.err
    assert result.err == "1 run under way: the daemon's next tick cancels them\n"


def test_many_days_are_cancelled_some_at_a_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    from tg_fetcher_dagster.requests import cancelling
    from tg_fetcher_dagster.requests.rules import Rules

    monkeypatch.setattr(cancelling, "AT_ONCE", 3)
    ask(ledger, 1, *range(1, 11))
    rules = Rules(history_start=date(2025, 1, 1), zone=UTC)
    done = cancelling.cancel(ledger, rules=rules, now=5.0, today=NOW.date())
    assert done.days == 10
    assert set(states(ledger)["r1"]) == {"cancelled"}
    assert len(events_of(ledger)) == 10


def test_a_run_under_way_is_cancelled_in_the_instance_too(command: Command, known: Ledger):
    from tg_fetcher_dagster.cli.dagster_instance import instance
    from tg_fetcher_dagster.definitions import defs

    with instance() as dagster:
        job = defs().resolve_job_def("fetch_days")
        run = dagster.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        with known.write() as connection:
            batch = batches.Batch(
                batch_id="b1", chats=("news",), first=date(2025, 11, 1), last=date(2025, 11, 1),
                state="running", run_id=run.run_id,
            )  # fmt: skip
            batches.put(connection, batch)
        ask(known, 1, 1, batch_id="b1")
        result = command("cancel", "--all", "--yes")
        assert result.out == "cancelled: 1 days\n1 run under way: cancelled, too\n", result.err
        ended = dagster.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status in {dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED}
