"""How runs register: who owns a batch, and what a run becomes that nobody here asked for."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.asks import askers_of
from tg_fetcher_dagster.ledger.attempts import of_runs
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.ledger.tables import asks, attempts, batches, requests
from tg_fetcher_dagster.requests.forgetting import forget_old
from tg_fetcher_dagster.requests.registration import RegisteredRun, begin_run, end_run, heartbeat

DAY = date(2025, 11, 3)
NEXT = date(2025, 11, 4)


def begin(ledger: Ledger, run_id: str, batch_id: str | None = None, **how: Any) -> RegisteredRun:
    given = {"parent_run_id": None, "chats": {"news": (DAY, NEXT)}, **how}
    return begin_run(ledger, run_id=run_id, batch_id=batch_id, **given)


def ask(ledger: Ledger, *, batch_id: str | None, state: str = "asked", **ask: Any) -> None:
    """A command that asked for one day; its batch waits for its run."""
    with ledger.write() as connection:
        connection.execute(
            sa.insert(requests).values(
                request_id="command-1",
                source="redis",
                state="planned",
                correlation_id="c1",
                command_id="cmd1",
                received_at=now(),
                open_days=1,
            )
        )
        values = {"request_id": "command-1", "chat": "news", "date": DAY, "seq": 1, "priority": 0, **ask}
        connection.execute(sa.insert(asks).values(batch_id=batch_id, **values))
        if batch_id is not None:
            connection.execute(
                sa.insert(batches).values(
                    batch_id=batch_id,
                    chats='["news"]',
                    first=DAY,
                    last=DAY,
                    priority=0,
                    state=state,
                    asked_at=now(),
                )
            )


def rows(ledger: Ledger, table: sa.Table) -> list[dict[str, Any]]:
    with ledger.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(table)).mappings()]


def test_the_first_run_owns_its_batch_and_another_one_reads_nothing(ledger: Ledger) -> None:
    ask(ledger, batch_id="b1")

    assert begin(ledger, "run-1", "b1").batch_id == "b1"
    with pytest.raises(FetchError, match="run run-1 does batch b1 already: this run reads nothing") as told:
        begin(ledger, "run-2", "b1")

    assert told.value.error_type is ErrorType.VALIDATION
    [batch] = rows(ledger, batches)
    assert (batch["state"], batch["run_id"]) == ("running", "run-1")
    with ledger.read() as connection:
        assert list(of_runs(connection, ["run-1", "run-2"])) == ["run-1"]


def test_a_step_that_is_tried_again_registers_as_the_same_run(ledger: Ledger) -> None:
    ask(ledger, batch_id="b1")
    began = [begin(ledger, "run-1", "b1") for _ in range(2)]
    ui = [begin(ledger, "run-9") for _ in range(2)]
    assert began[0] == began[1]
    assert ui[0] == ui[1]
    assert len(rows(ledger, requests)) == 2
    assert len(rows(ledger, asks)) == 3


def test_a_run_whose_batch_has_ended_reads_nothing(ledger: Ledger) -> None:
    ask(ledger, batch_id="b1", state="ended")
    with pytest.raises(FetchError, match="batch b1 has ended: this run reads nothing"):
        begin(ledger, "run-1", "b1")
    with pytest.raises(FetchError, match="batch b2 is not in the ledger"):
        begin(ledger, "run-1", "b2")


@pytest.mark.parametrize("how", [{"batch_id": None}, {"batch_id": "b1", "parent_run_id": "run-0"}])
def test_a_run_of_the_ui_and_a_re_execution_become_requests_of_their_own(
    ledger: Ledger, how: dict[str, str | None]
) -> None:
    ask(ledger, batch_id="b1", state="ended")

    registered = begin(ledger, "run-1", chats={"news": (DAY, NEXT), "talk": (DAY,)}, force=True, **how)

    assert registered.batch_id == "ui-run-1"
    assert not registered.asked_here
    [made] = [row for row in rows(ledger, requests) if row["source"] == "ui"]
    assert (made["state"], made["open_days"], made["run_id"]) == ("planned", 3, "run-1")
    with ledger.read() as connection:
        [asker] = askers_of(connection, "ui-run-1", "talk", DAY)
    assert asker.command_id is None
    [batch] = [row for row in rows(ledger, batches) if row["batch_id"] == "ui-run-1"]
    assert (batch["state"], batch["first"], batch["last"], batch["force"]) == ("running", DAY, NEXT, True)


def test_an_ask_that_waits_for_a_run_joins_the_run_of_the_ui_and_one_of_another_kind_does_not(
    ledger: Ledger,
) -> None:
    ask(ledger, batch_id=None)
    begin(ledger, "run-1", force=True)
    with ledger.read() as connection:
        assert [each.command_id for each in askers_of(connection, "ui-run-1", "news", DAY)] == [None]
    begin(ledger, "run-2")
    with ledger.read() as connection:
        assert {each.command_id for each in askers_of(connection, "ui-run-2", "news", DAY)} == {None, "cmd1"}


def test_a_run_is_heard_of_until_somebody_ends_it(ledger: Ledger) -> None:
    begin(ledger, "run-1")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=5), tick=False):
        assert heartbeat(ledger, "run-1")
    with ledger.read() as connection:
        known = of_runs(connection, ["run-1"])["run-1"]
    assert known.heartbeat_at - known.began_at == pytest.approx(5, abs=1)

    assert end_run(ledger, "run-1", end="died")

    assert not heartbeat(ledger, "run-1")
    assert not end_run(ledger, "run-1", end="succeeded", days_fetched=2)
    with ledger.read() as connection:
        assert of_runs(connection, ["run-1"])["run-1"].end == "died"


def test_a_run_reads_no_chat_that_its_batch_does_not_ask_for(ledger: Ledger) -> None:
    """Partitions were put in another order while it was queued, so that its range has other chats."""
    ask(ledger, batch_id="b1")
    with pytest.raises(FetchError, match="batch b1 asks for other chats than this run's partitions: talk"):
        begin(ledger, "run-1", "b1", chats={"news": (DAY,), "talk": (DAY,)})
    assert [row["state"] for row in rows(ledger, batches)] == ["asked"]


def test_runs_that_ended_long_ago_are_forgotten(ledger: Ledger) -> None:
    begin(ledger, "old")
    end_run(ledger, "old", end="succeeded")
    begin(ledger, "goes-on")
    forget_old(ledger, now() + 31 * 86_400)
    assert [row["run_id"] for row in rows(ledger, attempts)] == ["goes-on"]


def test_a_run_that_could_not_register_yet_is_not_told_that_it_was_ended(ledger: Ledger) -> None:
    assert heartbeat(ledger, "run-1")
    begin(ledger, "run-1")
    end_run(ledger, "run-1", end="died")
    assert not heartbeat(ledger, "run-1")
