"""`fetch`: pushed and followed over a real Valkey, and directly against a real Telegram stand-in."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import redis
import time_machine

from tg_fetcher_dagster import redis_connection
from tg_fetcher_dagster.cli import following
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.events.models import FetchFailed, FetchSkipped
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.requests.plan import AskedDays, Batch
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.events.recorded import recorded
from tg_fetcher_dagster_tests.waiting import LOOK_SECONDS, PATIENCE

TODAY = datetime(2025, 12, 1, 12, tzinfo=UTC)
YESTERDAY = TODAY.date() - timedelta(days=1)


def fetched(command: dict[str, Any], day: str, **more: Any) -> dict[str, Any]:
    return {"event": "messages_fetched", "chat": "ru_python", "date": day, "message_count": 450,
            "final": True, "command_ids": [command["command_id"]], **more}  # fmt: skip


def failed(command: dict[str, Any], day: str | None, error: str) -> dict[str, Any]:
    return {"event": "fetch_failed", "chat": "ru_python", "date": day, "error": error,
            "error_type": "no_access", "command_ids": [command["command_id"]]}  # fmt: skip


Answer = Callable[[dict[str, Any]], list[dict[str, Any]]]


class Worker(threading.Thread):
    """Takes commands as the sensor does and answers each with events, then settles it."""

    def __init__(self, client: redis.Redis, answer: Answer) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._publisher = EventPublisher(client, "tg_events", 1000)
        self._answer = answer
        self._over = threading.Event()
        self.commands: list[dict[str, Any]] = []

    def run(self) -> None:
        while not self._over.is_set():
            raw = self._client.lmove("tg_commands", "tg_commands:processing", "LEFT", "RIGHT")
            if raw is None:
                self._over.wait(LOOK_SECONDS)
                continue
            command = orjson.loads(raw)
            self.commands.append(command)
            for number, event in enumerate(self._answer(command)):
                self._publisher.publish([(f"{command['command_id']}-{number}", orjson.dumps(event).decode())])
            self._client.lrem("tg_commands:processing", 1, raw)

    def stop(self) -> None:
        self._over.set()
        self.join(PATIENCE)


@pytest.fixture
def worker(redis_client: redis.Redis, redis_url: str, env_file: Path) -> Iterator[Callable[[Answer], Worker]]:
    """Starts somebody who carries commands out."""
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    running: list[Worker] = []

    def start(answer: Answer) -> Worker:
        running.append(Worker(redis_client, answer))
        running[-1].start()
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(autouse=True)
def _one_day() -> Iterator[None]:
    """It is the same day from the beginning to the end, at midnight too."""
    with time_machine.travel(TODAY):
        yield


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BLOCK_SECONDS", 0.05)
    monkeypatch.setattr(following, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(following, "LATE_SECONDS", 0.3)


def test_a_day_is_pushed_and_followed_to_its_event(command: Command, worker: Any):
    taken = worker(lambda each: [{"event": "fetch_started", "chat": "ru_python", "date": "2025-11-07",
                                  "stage": "fetching", "command_ids": [each["command_id"]]},
                                 fetched(each, "2025-11-07")])  # fmt: skip
    result = command("fetch", "@ru_python", "--date", "2025-11-07", "--force", "--limit", "9")
    assert (result.code, result.out) == (0, "ru_python 2025-11-07: 450 messages\n")
    sent = taken.commands[0]
    told = ("command", "chat", "mode", "date", "force", "limit", "requested_by")
    assert {key: sent[key] for key in told} == {
        "command": "fetch", "chat": "@ru_python", "mode": "date", "date": "2025-11-07", "force": True,
        "limit": 9, "requested_by": "tg-fetcher",
    }  # fmt: skip
    assert sent["timestamp"].endswith("Z")


def test_a_range_ends_when_every_day_has_its_event(command: Command, worker: Any):
    def answer(each: dict[str, Any]) -> list[dict[str, Any]]:
        others = fetched({"command_id": "somebody-elses"}, "2025-11-03")
        skipped = {**fetched(each, "2025-11-02"), "event": "fetch_skipped", "reason": "complete"}
        return [others, fetched(each, "2025-11-01"), skipped, fetched(each, "2025-11-03")]

    worker(answer)
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-03")
    assert result.code == 0
    assert result.out.splitlines() == [
        "ru_python 2025-11-01: 450 messages",
        "ru_python 2025-11-02: skipped (complete)",
        "ru_python 2025-11-03: 450 messages",
        "3 days: 2 fetched, 1 skipped, 0 failed",
    ]


def test_a_day_that_fails_is_one_line_with_the_reason_and_exit_code_1(command: Command, worker: Any):
    worker(lambda each: [fetched(each, "2025-11-01"), failed(each, "2025-11-02", "the chat is private")])
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-02")
    assert result.code == 1
    assert result.error == "error: ru_python 2025-11-02: the chat is private"


def test_many_failures_are_bounded(command: Command, worker: Any):
    days = [f"2025-11-{number:02}" for number in range(1, 31)]
    worker(lambda each: [failed(each, day, "no access") for day in days])
    result = command("fetch", "ru_python", "--from", days[0], "--to", days[-1])
    assert result.code == 1
    assert len(result.err.splitlines()) == 11
    assert "and 20 more days that failed" in result.err


def test_a_command_that_is_refused_as_a_whole_fails_at_once(command: Command, worker: Any):
    worker(lambda each: [failed(each, None, "there is no such chat")])
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-30")
    assert (result.code, result.error) == (1, "error: ru_python: there is no such chat")


def test_a_command_that_leaves_the_queue_without_an_event_is_no_success(command: Command, worker: Any):
    worker(lambda _command: [])
    result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert result.code == 1
    assert "the command ended without an event" in result.error


def test_the_days_of_a_full_fetch_are_learnt_from_the_events(command: Command, worker: Any):
    worker(lambda each: [fetched(each, f"2025-11-0{number}") for number in range(1, 4)])
    result = command("fetch", "ru_python", "--full")
    assert result.code == 0
    assert "3 days: 3 fetched" in result.out


def test_where_events_are_switched_off_the_recorded_ends_are_told(
    command: Command, worker: Any, redis_client: redis.Redis, env_file: Path
):
    outbox = Outbox(Path("data"))
    request_id = "fetch-0123456789abcdef0123"

    def answer(each: dict[str, Any]) -> list[dict[str, Any]]:
        days = [date(2025, 11, 7), date(2025, 11, 8)]
        asked = AskedDays(
            claim_id="c", command_id=each["command_id"], correlation_id="k", first=days[0], last=days[1]
        )
        batch = Batch(batch_id=request_id, chat_key="ru_python", first=days[0], last=days[1], asked=(asked,))
        redis_client.hset("tg_commands:batches", request_id, batch.model_dump_json())
        about = {"service": "tg_fetcher", "correlation_id": "k", "chat": "ru_python"}
        ends = [
            FetchSkipped(
                **about, date=days[0], reason="complete", checksum_expected=None, checksum_actual=None
            ),
            FetchFailed(
                **about, date=days[1], error="no access", error_type=ErrorType.NO_ACCESS, retryable=False
            ),
        ]
        for end in ends:
            outbox.put(end, request_id=request_id, durable=True)
        outbox.drain(None)
        return []

    worker(answer)
    with env_file.open("a") as file:
        file.write("ENABLE_EVENTS=false\n")
    result = command("fetch", "ru_python", "--from", "2025-11-07", "--to", "2025-11-08")
    assert result.code == 1
    assert "ru_python 2025-11-07: skipped (complete)" in result.out
    assert result.error == "error: ru_python 2025-11-08: no access"


def test_an_incremental_fetch_with_nothing_to_do_ends_well(command: Command, worker: Any):
    worker(lambda _command: [])
    result = command("fetch", "ru_python", "--incremental")
    assert (result.code, result.out, result.err) == (0, "", "nothing to do\n")


def test_without_a_chat_those_of_the_settings_are_fetched_as_fetch_mode_says(
    command: Command, worker: Any, env_file: Path
):
    with env_file.open("a") as file:
        file.write("TELEGRAM_CHATS=ru_python,@other_chat\n")
    taken = worker(lambda each: [fetched(each, YESTERDAY.isoformat(), chat=each["chat"])])
    assert command("fetch").code == 0
    assert [(each["chat"], each["mode"]) for each in taken.commands] == [
        ("ru_python", "yesterday"),
        ("@other_chat", "yesterday"),
    ]


def test_nobody_who_reads_the_queue_is_told_and_the_time_limit_holds(
    command: Command,
    env_file: Path,
    redis_url: str,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(following, "UNHEARD_SECONDS", -1.0)
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    result = command("fetch", "ru_python", "--date", "2025-11-07", "--timeout", "0.01")
    assert result.code == 1
    assert "not over after 0.01 s" in result.error
    assert "daemon" in result.err
    assert redis_client.llen("tg_commands") == 1


def test_a_redis_that_goes_away_for_a_while_is_waited_for(
    command: Command, worker: Any, monkeypatch: pytest.MonkeyPatch
):
    read = following.Follower._read
    failures = iter([True, True])

    def fails_twice(self: following.Follower) -> None:
        if next(failures, False):
            self._client.connection_pool.disconnect()
            raise following.FetchError(following.ErrorType.NETWORK, "Redis at x is away")
        read(self)

    monkeypatch.setattr(following.Follower, "_read", fails_twice)
    worker(lambda each: [fetched(each, "2025-11-07")])
    result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert result.code == 0
    assert "waiting for it" in result.err


def test_a_direct_fetch_needs_no_redis_and_no_daemon_and_is_not_done_twice(signed_in: Command):
    first = signed_in("fetch", "@Daily_News", "--from", "2025-11-06", "--to", "2025-11-07", "--direct")
    assert first.code == 0, first.err
    assert first.out.splitlines() == [
        "daily_news 2025-11-06: 4 messages",
        "daily_news 2025-11-07: 4 messages",
        "2 days: 2 fetched, 0 skipped, 0 failed",
    ]
    day = orjson.loads(Path("data/daily_news/2025-11-07.json").read_bytes())
    assert len(day["messages"]) == 4
    again = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (again.code, again.out) == (0, "daily_news 2025-11-07: skipped, nothing new (4 messages)\n")


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


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["--date", "2024-12-31"], "2024-12-31 is before HISTORY_START 2025-01-01: 2025-01-01 to"),
        (["--from", "2024-12-01", "--to", "2025-01-02"], "(and 30 more, to 2024-12-31)"),
        (["--date", "2999-01-01"], "2999-01-01 has not begun (today is"),
        (["--date", "2999-01-01", "--direct"], "2999-01-01 has not begun (today is"),
        (["--from", "2025-11-07", "--to", "2030-01-01"], "has not begun"),
    ],
)
def test_days_that_cannot_be_fetched_are_refused_before_anything_is_pushed(
    *, command: Command, env_file: Path, redis_url: str, redis_client: Any, days: list[str], said: str
):
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    result = command("fetch", "ru_python", *days)
    assert result.code == 2
    assert said in result.error
    assert redis_client.keys("*") == []


def test_a_direct_fetch_leaves_an_event_for_each_day_that_it_could_not_fetch(
    signed_in: Command, sandbox: Any
):
    signed_in("chats", "add", "@daily_news")
    sandbox.add_fault(method="messages.getHistory", flood_wait=3600)
    assert signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct").code == 1
    assert signed_in("fetch", "daily_news", "@no_such_chat", "--date", "2025-11-06", "--direct").code == 1

    pending = recorded(Path("data"))
    failed_days = [
        (event["chat"], event["date"], event["error_type"])
        for event in pending
        if event["event"] == "fetch_failed"
    ]
    assert failed_days == [
        ("daily_news", "2025-11-07", "rate_limit"),
        ("no_such_chat", "2025-11-06", "not_found"),
        ("daily_news", "2025-11-06", "rate_limit"),
    ]
    assert all(event["command_ids"] for event in pending)


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
    assert "main: ready" in shown.out
    told = orjson.loads(signed_in("status", "--json").out)
    chat = told["chats"][0]
    assert (chat["chat"], chat["days_done"], chat["message_count"]) == ("daily_news", 1, 4)
    assert chat["missing"] == [["2025-11-08", YESTERDAY.isoformat()]]
    assert told["events_pending"] > 0
    assert len(sandbox.requests) == asked
    assert signed_in("status", "--need-redis").code == 1


def test_a_removed_chat_loses_its_partition_and_comes_back_with_its_key(signed_in: Command):
    import dagster as dg

    from tg_fetcher_dagster.cli.direct import instance

    signed_in("fetch", "@daily_news", "--date", "2025-11-07", "--direct")
    with instance() as dagster:
        assert isinstance(dagster, dg.DagsterInstance)
        assert dagster.get_dynamic_partitions("chats") == ["daily_news"]
        assert signed_in("chats", "remove", "daily_news").code == 0
        assert dagster.get_dynamic_partitions("chats") == []
        assert signed_in("chats", "add", "daily_news").code == 0
        assert dagster.get_dynamic_partitions("chats") == ["daily_news"]


def test_dead_letters_are_listed_and_sent_again(
    command: Command, env_file: Path, redis_url: str, redis_client: redis.Redis
):
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    assert command("failed", "list").err == "no command has failed\n"
    for number in (1, 2):
        command_of = {"command": "fetch", "chat": f"chat_{number}", "command_id": f"c{number}"}
        letter = {**command_of, "failed_at": "2025-11-08T00:00:00Z", "error": "no such chat"}
        redis_client.rpush("tg_commands:failed", orjson.dumps(letter))
    redis_client.rpush("tg_commands:failed", orjson.dumps({"raw": "not json", "error": "is not JSON"}))
    listed = command("failed", "list").out
    assert "c1" in listed
    assert "no such chat" in listed
    assert command("failed", "retry", "c2").out == "c2 is in the queue again\n"
    assert orjson.loads(redis_client.lindex("tg_commands", 0) or b"") == {
        "command": "fetch", "chat": "chat_2", "command_id": "c2",
    }  # fmt: skip
    assert "no failed command 'c2'" in command("failed", "retry", "c2").error
    assert command("failed", "retry", "--all").out == "2 commands are in the queue again\n"
    assert "4 " not in command("status").out.partition("queue")[2].partition("failed")[0]


def test_waiting_does_not_outlast_the_last_event(
    command: Command, worker: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(following, "BLOCK_SECONDS", 36_000.0)  # another wait would never end
    monkeypatch.setattr(redis_connection, "ANSWER_TIMEOUT", None)
    worker(lambda each: [fetched(each, "2025-11-07")])
    assert command("fetch", "ru_python", "--date", "2025-11-07").code == 0


def test_what_was_published_while_the_machine_slept_is_heard(
    command: Command,
    env_file: Path,
    redis_url: str,
    redis_client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
):
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    now = [0.0]
    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: now[0], time=lambda: 0.0))
    look = following.Follower._look

    def answered_before_the_look_and_asleep_after_it(self: following.Follower, *, waited: float) -> None:
        if raw := redis_client.lpop("tg_commands"):
            event = fetched(orjson.loads(raw), "2025-11-07")
            EventPublisher(redis_client, "tg_events", 1000).publish([("e1", orjson.dumps(event).decode())])
        look(self, waited=waited)
        now[0] += 3600

    monkeypatch.setattr(following.Follower, "_look", answered_before_the_look_and_asleep_after_it)
    result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert (result.code, result.out) == (0, "ru_python 2025-11-07: 450 messages\n")
