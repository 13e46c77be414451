"""`events tail` and `diff` say how days ended and what a reading changed, without Redis and Telegram."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import typer

from tg_fetcher_dagster.cli import events as events_command
from tg_fetcher_dagster.cli.moments import parse_since
from tg_fetcher_dagster.events.draining import drain
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import events
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.resolving import resolved
from tg_fetcher_dagster_tests.events.recorded import ledger_of, put
from tg_fetcher_dagster_tests.events.telling import failed, fetched, skipped
from tg_fetcher_dagster_tests.fetching.reading import days_between

DAYS = days_between("2025-11-07", "2025-11-07")
NOW = datetime(2025, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def ledger(env_file: Path) -> Iterator[Ledger]:
    with closing(ledger_of(Path("data"))) as opened:
        yield opened


def at(ledger: Ledger, moment: datetime, *told: Any) -> None:
    """Records events as if it were that moment."""
    for number, event in enumerate(told):
        put(ledger, event, request_id=f"{moment.timestamp():.0f}-{number}")
    with ledger.write() as connection:
        later = sa.update(events).where(events.c.request_id.like(f"{moment.timestamp():.0f}-%"))
        connection.execute(later.values(recorded_at=moment.timestamp()))


def test_each_end_is_one_line_and_what_waits_says_so(command: Command, ledger: Ledger) -> None:
    at(ledger, NOW, fetched(messages_added=3, messages_edited=0, messages_deleted=1, lost_count=2))
    drain(ledger, None)
    at(ledger, NOW + timedelta(hours=1), skipped(), failed(chat="\x1b[31mred", date=None))
    result = command("events", "tail")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "2025-11-25T12:00:00Z messages_fetched ru_python 2025-11-07: 2 messages +3 ~0 -1, 2 losses",
        "2025-11-25T13:00:00Z fetch_skipped ru_python 2025-11-07: complete already [waits]",
        "2025-11-25T13:00:00Z fetch_failed �[31mred -: no_access: the chat is private [waits]",
    ]


def test_json_is_the_event_as_it_is_told(command: Command, ledger: Ledger) -> None:
    at(ledger, NOW, fetched())
    [line] = command("events", "tail", "--json").out.splitlines()
    told = orjson.loads(line)
    assert (told["event"], told["chat"], len(told["event_id"])) == ("messages_fetched", "ru_python", 36)


def test_the_last_ones_or_all_since_a_moment_are_shown(command: Command, ledger: Ledger) -> None:
    for hours in range(30):
        at(ledger, NOW + timedelta(hours=hours), skipped(reason=f"number {hours}"))

    def shown(*options: str) -> list[int]:
        lines = command("events", "tail", *options).out.splitlines()
        return [int(line.removesuffix(" [waits]").rsplit(" ", 1)[1]) for line in lines]

    assert shown() == list(range(10, 30))
    assert shown("-n", "2") == [28, 29]
    assert shown("-n", "0") == []
    assert shown("--since", "2025-11-26T15:30") == [28, 29]
    assert shown("--since", "2025-11-20") == list(range(30))
    assert shown("--since", "1d") == []


def test_a_damaged_event_is_said_to_be(command: Command, ledger: Ledger) -> None:
    at(ledger, NOW, fetched(), skipped())
    with ledger.write() as connection:
        connection.execute(sa.update(events).where(events.c.seq == 1).values(body="nonsense"))
    first, second = command("events", "tail").out.splitlines()
    assert first.endswith("messages_fetched ru_python 2025-11-07: damaged, told to nobody")
    assert "fetch_skipped" in second
    result = command("events", "tail", "--json")
    assert len(result.out.splitlines()) == 1
    assert "is damaged" in result.err


def test_follow_goes_on_with_what_is_recorded_meanwhile(
    command: Command, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(ledger, NOW, skipped(reason="before"))
    steps = iter([lambda: at(ledger, NOW, skipped(chat="b", reason="meanwhile")), lambda: None])

    def meanwhile(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(events_command.time, "sleep", meanwhile)
    result = command("events", "tail", "--follow")
    assert result.code == 130
    assert [line.split(": ")[1] for line in result.out.splitlines()] == [
        "before [waits]",
        "meanwhile [waits]",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "soon"], "'soon' is no moment"),
        (["--since", "99999999d"], "is no moment"),
        (["--since", "999999d"], "is no moment"),
        (["--since", "2h", "-n", "3"], "exclude each other"),
    ],
)
def test_a_wrong_moment_is_one_line(command: Command, env_file: Path, options: list[str], said: str) -> None:
    result = command("events", "tail", *options)
    assert result.code == 2
    assert said in result.error


def test_a_moment_is_in_utc_unless_it_has_a_zone() -> None:
    assert parse_since("2025-11-25T10:00", now=NOW) == datetime(2025, 11, 25, 10, tzinfo=UTC)
    assert parse_since("2025-11-25T10:00+03:00", now=NOW) == datetime(2025, 11, 25, 7, tzinfo=UTC)
    assert parse_since("90s", now=NOW) == NOW - timedelta(seconds=90)
    with pytest.raises(typer.BadParameter):
        parse_since("", now=NOW)


def read(request_id: str) -> None:
    """Reads the day from the sandbox, whether it is complete or not."""
    settings = Settings.read()
    context = FetchContext(settings=settings, open_reader=lambda: open_reader(settings))

    async def fetch() -> None:
        await resolved(settings, "@daily_news")
        request = FetchRequest(request_id=request_id, chat="daily_news", days=DAYS, force=True)
        assert {report.outcome for report in await fetch_chats([request], context)} == {"fetched"}

    asyncio.run(fetch())


def test_diff_names_what_the_last_reading_changed(signed_in: Command, sandbox: Any) -> None:
    read("fetch-1")
    kept = orjson.loads(Path("data/daily_news/2025-11-07.json").read_bytes())["messages"]
    gone, changed = sorted(each["id"] for each in kept)[:2]
    first = signed_in("diff", "@daily_news", "2025-11-07")
    assert first.code == 1
    assert "daily_news 2025-11-07 was read at" in first.error
    sandbox.world.delete("news", gone)
    sandbox.world.edit("news", changed, text="quite another text", edited=1762473600)
    read("fetch-2")
    result = signed_in("diff", "@daily_news", "2025-11-07")
    assert result.code == 0
    head, *kinds = result.out.splitlines()
    assert head.endswith(": 0 added, 1 edited, 1 deleted, 0 with other counts")
    assert kinds == [f"edited: {changed}", f"deleted: {gone}"]
    told = orjson.loads(signed_in("diff", "daily_news", "2025-11-07", "--json").out)
    assert told["deleted"] == {"count": 1, "ids": [gone]}
    assert (told["chat"], told["date"]) == ("daily_news", "2025-11-07")
    event = orjson.loads(signed_in("events", "tail", "-n", "1", "--json").out)
    assert (event["edited_ids"], event["deleted_ids"], event["added_ids"]) == ([changed], [gone], [])
    missing = signed_in("diff", "@daily_news", "2025-11-06")
    assert missing.code == 1
    assert missing.error == (
        "error: daily_news 2025-11-06 is not kept: tg-fetcher fetch daily_news --date 2025-11-06"
    )


def test_diff_of_what_is_no_chat_or_no_day_is_one_line(command: Command, env_file: Path) -> None:
    unknown = command("diff", "@daily_news", "2025-11-07")
    assert unknown.code == 1
    assert "'@daily_news' is not kept here" in unknown.error
    assert command("diff", "@daily_news", "yesterday").code == 2


def test_status_says_how_many_ends_wait_and_how_many_are_damaged(command: Command, ledger: Ledger) -> None:
    at(ledger, NOW, fetched(), skipped())
    assert "events    2 not published yet\n" in command("status").out
    with ledger.write() as connection:
        outbox.set_aside(connection, [1])
    shown = command("status").out
    assert "events    1 not published yet\n" in shown
    assert "events    1 damaged -> tg-fetcher events tail\n" in shown
