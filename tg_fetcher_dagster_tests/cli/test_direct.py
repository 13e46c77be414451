"""`fetch --direct`: the same way in this process, against a Telegram stand-in, without Redis and daemon."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import time_machine

from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.worker import known_ledger, told

TODAY = datetime(2025, 12, 1, 12, tzinfo=UTC)
YESTERDAY = TODAY.date() - timedelta(days=1)


@pytest.fixture(autouse=True)
def _one_day() -> Iterator[None]:
    """It is the same day from the beginning to the end, at midnight too."""
    with time_machine.travel(TODAY):
        yield


def test_a_direct_fetch_needs_no_redis_and_no_daemon_and_is_not_done_twice(signed_in: Command):
    first = signed_in("fetch", "@Daily_News", "--from", "2025-11-06", "--to", "2025-11-07", "--direct")
    assert first.code == 0, first.err
    assert first.out.splitlines() == [
        "daily_news 2025-11-07: 4 messages",
        "daily_news 2025-11-06: 4 messages",
        "2 days: 2 fetched, 0 skipped, 0 failed",
    ]
    day = orjson.loads(Path("data/daily_news/2025-11-07.json").read_bytes())
    assert len(day["messages"]) == 4
    again = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (again.code, again.out) == (0, "daily_news 2025-11-07: skipped, complete already (4 messages)\n")


def test_a_clock_that_is_ahead_is_told_by_status_and_yesterday_is_telegrams(command: Command, sandbox: Any):
    telegrams = datetime(2025, 11, 9, 12, tzinfo=UTC)
    sandbox.set_clock((telegrams - datetime.now(UTC)).total_seconds())
    command("accounts", "import", "--session-string", "-", stdin=sandbox.session)

    yesterday = command("fetch", "@Daily_News", "--yesterday", "--direct")
    today = command("fetch", "@Daily_News", "--date", "2025-11-09", "--direct")
    status = command("status")

    assert yesterday.out == "daily_news 2025-11-08: 4 messages\n"
    assert today.out == "daily_news 2025-11-09: 0 messages so far, the day is not final\n"
    assert re.search(r"^clock +this machine's is \d+ days, .* ahead of Telegram's", status.out, re.M)
    sandbox.set_clock(0)
    command("chats", "add", "@Daily_News")
    assert "clock" not in command("status").out


def test_a_direct_fetch_tells_each_chat_that_cannot_be_fetched(signed_in: Command):
    result = signed_in("fetch", "@no_such_chat", "@daily_news", "--date", "2025-01-01", "--direct")
    assert result.code == 1
    assert "no_such_chat" in result.err
    assert "2 days: 1 fetched, 0 skipped, 1 failed" in result.out


def test_days_that_wait_are_told_with_the_moment_and_end_by_themselves_later(
    signed_in: Command, sandbox: Any
):
    signed_in("chats", "add", "@daily_news")
    sandbox.add_fault(method="messages.getHistory", flood_wait=3600)
    put_off = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert put_off.code == 1
    assert "waits until 13:0" in put_off.error
    assert "the daemon fetches it by itself, or the next fetch of it" in put_off.error
    assert told() == []  # it is waited for: nobody is told that it failed
    assert "requests  1 of direct are open, 1 days" in signed_in("status").out

    sandbox.clear_faults()
    with time_machine.travel(TODAY + timedelta(hours=2)):
        later = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (later.code, later.out) == (0, "daily_news 2025-11-07: 4 messages\n")
    assert told() == [("daily_news", "2025-11-07", "messages_fetched")]
    assert "requests  none is open" in signed_in("status").out


def test_a_direct_fetch_tells_consumers_of_a_chat_that_there_is_not(signed_in: Command):
    assert signed_in("fetch", "@no_such_chat", "--date", "2025-11-06", "--direct").code == 1
    assert told() == [("no_such_chat", "2025-11-06", "not_found")]


def test_many_days_without_redis_leave_no_progress_behind(signed_in: Command, env_file: Path):
    with env_file.open("a") as file:
        file.write("REDIS_URL=\nPROGRESS_INTERVAL=1\n")
    result = signed_in("fetch", "@daily_news", "--from", "2025-10-27", "--to", "2025-11-08", "--direct")
    assert result.code == 0, result.err
    assert "13 days: 13 fetched, 0 skipped, 0 failed" in result.out
    assert {each for _, _, each in told()} == {"messages_fetched"}
    assert len(told()) == 13
    assert not Path("data/.outbox").exists()


def test_what_others_ask_for_is_left_alone(signed_in: Command, sandbox: Any):
    signed_in("chats", "add", "@daily_news", "-1000000007003")
    with closing(known_ledger()) as ledger, ledger.write() as connection:
        theirs = NewRequest(source="schedule", days={"channel_7003": [date(2025, 11, 5)]})
        ask(connection, theirs, now=1.0)
    assert signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct").code == 0
    assert not Path("data/channel_7003/2025-11-05.json").exists()
    assert "requests  1 of schedule are open, 1 days" in signed_in("status").out


def test_what_was_fetched_is_shown_by_status_and_rebuilt_without_telegram(signed_in: Command, sandbox: Any):
    signed_in("fetch", "@daily_news", "--date", "2025-11-07", "--direct")
    asked = len(sandbox.requests)
    rebuilt = signed_in("rebuild", "@daily_news")
    assert (rebuilt.code, rebuilt.out) == (
        0,
        "daily_news 2025-11-07 the same\n1 days rebuilt, 0 changed\n",
    )
    shown = signed_in("status")
    assert shown.code == 0
    assert "Redis at 127.0.0.1:1 is away" in shown.out
    assert "main ready" in shown.out
    told = orjson.loads(signed_in("status", "--json").out)
    chat = told["chats"][0]
    assert (chat["chat"], chat["days_done"], chat["message_count"]) == ("daily_news", 1, 4)
    assert chat["missing"] == [["2025-11-08", YESTERDAY.isoformat()]]
    assert told["events_pending"] > 0
    assert len(sandbox.requests) == asked
    assert signed_in("status", "--need-redis").code == 1


def test_a_removed_chat_loses_its_partition_and_comes_back_with_its_key(signed_in: Command):
    import dagster as dg

    from tg_fetcher_dagster.cli.dagster_instance import instance

    signed_in("fetch", "@daily_news", "--date", "2025-11-07", "--direct")
    with instance() as dagster:
        assert isinstance(dagster, dg.DagsterInstance)
        assert dagster.get_dynamic_partitions("chats") == ["daily_news"]
        assert signed_in("chats", "remove", "daily_news").code == 0
        assert dagster.get_dynamic_partitions("chats") == []
        assert signed_in("chats", "add", "daily_news").code == 0
        assert dagster.get_dynamic_partitions("chats") == ["daily_news"]
