"""`status`: what the ledger knows, told whatever else hangs, at a cost that no history changes."""

import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.cli import overview_sources, queue_lengths
from tg_fetcher_dagster.cli.answering import Hanging, answers_within
from tg_fetcher_dagster.cli.chat_sources import chat_overviews
from tg_fetcher_dagster.cli.overview import AccountOverview, ChatOverview, Disk, InFlight, Need, Waiting
from tg_fetcher_dagster.ledger import batches, days
from tg_fetcher_dagster.ledger.conditions import condition_begins
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import accounts, asks, chats, dead_letters, requests
from tg_fetcher_dagster_tests.cli.conftest import Command

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
SOON = NOW.timestamp() + 31 * 60


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def known(env_file: Path) -> Iterator[Ledger]:
    """The ledger that the command's settings name."""
    with env_file.open("a") as file:
        file.write("HISTORY_START=2025-11-01\n")
    ledger = Ledger.open(f"sqlite:///{Path('data').absolute() / '.ledger' / 'ledger.sqlite'}")
    yield ledger
    ledger.close()


def ask(connection: sa.Connection, day: date, *, chat: str = "news", number: int = 1, **more: Any) -> None:
    row = {"request_id": f"r{number}", "chat": chat, "date": day, "seq": number, "priority": 50}
    connection.execute(sa.insert(asks).values(**row, **more))


def request(connection: sa.Connection, number: int = 1, **more: Any) -> None:
    row = {"request_id": f"r{number}", "source": "redis", "state": "planned", "correlation_id": "k"}
    connection.execute(sa.insert(requests).values(**{**row, "received_at": 1.0, **more}))


def told(command: Command) -> dict[str, Any]:
    shown = command("status", "--json")
    assert shown.code == 0, shown.err
    return orjson.loads(shown.out)


def test_a_range_that_broke_off_misses_the_days_that_were_never_fetched(command: Command, known: Ledger):
    with known.write() as connection:
        for number in (20, 21, 25):
            settled = {"settled": True, "fetched_at": 1e9, "message_count": 7}
            days.put(connection, "news", date(2025, 11, number), settled)
        days.put(connection, "news", date(2025, 11, 10), {"error_type": "no_access", "error": "private"})
    chat = told(command)["chats"][0]
    assert (chat["first_day"], chat["last_day"]) == ("2025-11-10", "2025-11-25")
    assert (chat["days_done"], chat["days_missing"], chat["message_count"]) == (3, 18, 21)
    assert chat["missing"] == [
        ["2025-11-26", "2025-11-30"], ["2025-11-22", "2025-11-24"], ["2025-11-10", "2025-11-19"],
    ]  # fmt: skip


def test_days_that_are_only_asked_for_are_missing_too(command: Command, known: Ledger):
    with known.write() as connection:
        request(connection)
        ask(connection, date(2025, 11, 28))
        ask(connection, date(2025, 11, 29))
    chat = told(command)["chats"][0]
    assert (chat["days_asked"], chat["days_missing"], chat["first_day"]) == (2, 3, "2025-11-28")


def test_days_before_the_history_are_done_and_make_no_other_day_done(command: Command, known: Ledger):
    with known.write() as connection:
        for day in (date(2025, 10, 30), date(2025, 10, 31), date(2025, 11, 29)):
            days.put(connection, "news", day, {"settled": True, "fetched_at": 1e9})
    chat = told(command)["chats"][0]
    assert (chat["days_done"], chat["days_missing"]) == (3, 29)
    assert chat["missing"] == [["2025-11-30", "2025-11-30"], ["2025-11-01", "2025-11-28"]]


def test_whatever_is_waited_for_is_told_with_its_reason_and_its_end(command: Command, known: Ledger):
    with known.write() as connection:
        request(connection)
        for number in (27, 28):
            more = {"error_type": "rate_limit", "error": "FLOOD_WAIT_4000"}
            ask(connection, date(2025, 11, number), wait_until=SOON, **more)
        condition_begins(connection, "telegram", "Telegram is away: no route to host")
        connection.execute(
            sa.insert(accounts).values(
                name="main", floods=orjson.dumps({"*": SOON, "messages.search": 5.0}).decode(), updated_at=1.0
            )
        )
    shown = command("status").out
    waits = shown[shown.index("\nwaits\n") : shown.index("\nworks\n")]
    assert "chat      news: 2 days until 12:31 UTC: Telegram asked for a pause" in waits
    assert "trouble   telegram: Telegram is away: no route to host" in waits
    assert "account   main until 12:31 UTC: Telegram asked for a pause" in waits
    assert "messages.search" not in shown
    assert "requests  1 of redis are open, 2 days" in shown


def test_a_chat_that_cannot_be_read_is_told_with_its_title(command: Command, known: Ledger):
    with known.write() as connection:
        connection.execute(
            sa.insert(chats).values(
                key="chat_455907013", marked_id=-455907013, identity="{}", refused_type="no_access",
                refused_why="the account was removed from it", refused_since=NOW.timestamp() - 86_400,
                ask_again_at=SOON, updated_at=1.0,
            )
        )  # fmt: skip
        days.put(connection, "chat_455907013", date(2025, 11, 29), {"settled": True, "fetched_at": 1e9})
    shown = command("status").out
    assert (
        "refused   chat_455907013 since 2025-11-30: the account was removed from it; asked again 12:31 UTC"
    ) in shown


def test_days_in_doubt_and_days_given_up_are_told(command: Command, known: Ledger):
    with known.write() as connection:
        doubt = {"due_at": SOON, "error_type": "suspicious_deletion", "error": "40 of 50 are gone"}
        days.put(connection, "news", date(2025, 11, 29), doubt)
        days.put(connection, "news", date(2025, 11, 28), {"given_up_at": 5.0, "error": "no access"})
    shown = command("status").out
    assert "in doubt  news 2025-11-29: too many messages are gone" in shown
    assert "-> tg-fetcher accept news 2025-11-29\n" in shown
    assert "given up  news: 1 day -> tg-fetcher heal news --list\n" in shown


def test_what_is_under_way_and_what_has_failed_is_told(command: Command, known: Ledger):
    with known.write() as connection:
        batch = batches.Batch(
            batch_id="b1", chats=("news",), first=date(2025, 11, 1), last=date(2025, 11, 30), state="running",
            asked_at=NOW.timestamp() - 3600,
        )  # fmt: skip
        batches.put(connection, batch)
        connection.execute(
            sa.insert(dead_letters).values(
                request_id="r9", error_type="validation", error="no chat", failed_at=1.0, letter=b"{}"
            )
        )
    shown = command("status").out
    assert "under way news 2025-11-01..2025-11-30: is read, asked for at 11:00 UTC" in shown
    assert "failed    1 commands -> tg-fetcher failed list\n" in shown


def test_redis_that_accepts_and_never_answers_holds_nothing_up(
    command: Command, known: Ledger, env_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(queue_lengths, "QUICK_TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with env_file.open("a") as file:
            file.write(f"REDIS_URL=redis://127.0.0.1:{silent.getsockname()[1]}\n")
        shown = command("status")
        assert shown.code == 0
        assert f"queue     Redis at 127.0.0.1:{silent.getsockname()[1]} does not answer" in shown.out
        assert command("status", "--need-redis").code == 1


def test_a_source_that_hangs_is_left_behind():
    import threading

    never = threading.Event()
    asked: list[str] = []
    hanging: Hanging = {}

    def hangs() -> None:
        asked.append("ledger")
        never.wait()

    for _ in range(3):
        answers = answers_within(0.05, {"ledger": hangs, "redis": lambda: 1}, hanging=hanging)
        assert answers["redis"] == 1
        assert str(answers["ledger"]) == "ledger: no answer within 0.05 s"
    assert asked == ["ledger"], "one that has not answered is not asked again"
    never.set()
    hanging["ledger"].join()
    assert answers_within(60, {"ledger": lambda: 2}, hanging=hanging) == {"ledger": 2}


def test_without_redis_status_says_how_commands_come(command: Command, env_file: Path):
    with env_file.open("a") as file:
        file.write("REDIS_URL=\n")
    shown = command("status")
    assert shown.code == 0
    assert "queue     no Redis (REDIS_URL is empty): commands come by the spool folder" in shown.out
    assert "spool     " not in shown.out
    assert command("fetch", "@ru_python", "--date", "2025-11-07", "--no-wait").code == 0
    assert "spool     1 commands wait in it for the daemon" in command("status").out
    assert orjson.loads(command("status", "--json").out)["spool"] == 1


def test_a_query_of_status_reads_no_row_of_the_days(known: Ledger):
    with known.write() as connection:
        connection.execute(sa.delete(requests))
        for number in range(50):
            day = date(2025, 1, 1) + timedelta(days=number)
            days.put(connection, "news", day, {"settled": True, "fetched_at": 1.0, "message_count": 1})
    seen: list[str] = []
    sa.event.listen(known.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    settings = overview_sources.Settings.read(data_dir=Path("data"), redis_url=None)
    with known.read() as connection:
        chat_overviews(connection, overview_sources.IdentityTable(known), settings, gaps_of=None)
        asked = [each for each in seen if "FROM days" in " ".join(each.split())]
        plans = [
            row[3]
            for each in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", _blanks(each))
            if "days" in row[3]
        ]
    assert len(asked) == 6
    assert plans
    # Either an index holds all that is asked for, or it is one of the few rows of a small index.
    small = ("ix_days_given_up_at", "ix_days_due_at")
    assert [
        plan
        for plan in plans
        if "COVERING INDEX" not in plan and not plan.rpartition("(")[0].strip().endswith(small)
    ] == []


def _blanks(statement: str) -> tuple[object, ...]:
    return tuple(0 for _ in range(statement.count("?")))


def test_each_key_of_the_json_is_documented(command: Command, known: Ledger):
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    table = text[text.index("| key | what |") :].partition("\n\n")[0].splitlines()[2:]
    rows = dict(line.strip("| ").split(" | ", 1) for line in table)
    documented = {key.strip("` ") for keys in rows for key in keys.split(",")}
    assert documented == told(command).keys()
    parts = {"chats": ChatOverview, "needs": Need, "waiting": Waiting, "in_flight": InFlight,
             "accounts": AccountOverview, "disk": Disk}  # fmt: skip
    for key, model in parts.items():
        assert [name for name in model.model_fields if f"`{name}`" not in rows[f"`{key}`"]] == []
