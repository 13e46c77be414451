"""`fetch` without `--direct`: pushed to a real Valkey or a spool folder, followed in a real ledger."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.cli import following
from tg_fetcher_dagster.ledger import batches
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.worker import Answer, Worker, ask, ended, ends, known_ledger, request
from tg_fetcher_dagster_tests.waiting import LOOK_SECONDS

TODAY = datetime(2025, 12, 1, 12, tzinfo=UTC)
YESTERDAY = TODAY.date() - timedelta(days=1)
SOON = TODAY.timestamp() + 31 * 60


@pytest.fixture
def worker(redis_url: str, env_file: Path) -> Iterator[Callable[[Answer], Worker]]:
    """Starts somebody who carries commands out."""
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    known_ledger().close()
    running: list[Worker] = []

    def start(answer: Answer) -> Worker:
        running.append(Worker(redis_url, answer))
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
    monkeypatch.setattr(following, "LOOK_SECONDS", LOOK_SECONDS)


def test_a_day_is_pushed_as_any_producer_does_and_followed_to_its_end(command: Command, worker: Any):
    taken = worker(ends(["2025-11-07"]))
    result = command("fetch", "@ru_python", "--date", "2025-11-07", "--force", "--limit", "9")
    assert (result.code, result.out) == (0, "ru_python 2025-11-07: 450 messages\n")
    sent = taken.commands[0]
    assert sent.pop("timestamp").endswith("Z")
    command_id = sent["command_id"]
    assert sent == {
        "command": "fetch", "chat": "@ru_python", "mode": "date", "date": "2025-11-07", "force": True,
        "limit": 9, "requested_by": "tg-fetcher", "strategy": "batch", "command_id": command_id,
        "correlation_id": command_id,
    }  # fmt: skip


def test_a_range_ends_when_every_day_has_ended(command: Command, worker: Any):
    def answer(connection: sa.Connection, given: dict[str, Any]) -> None:
        request_id = request(connection, given)
        somebody_elses = request(connection, {"command_id": "another", "chat": "x"})
        ended(connection, somebody_elses, "2025-11-02", "failed", "not ours")
        for number, how in enumerate(("fetched", "skipped", "unchanged"), 1):
            ended(connection, request_id, f"2025-11-0{number}", how, at=5.0 + number)

    worker(answer)
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-03")
    assert result.code == 0
    assert result.out.splitlines() == [
        "ru_python 2025-11-01: 450 messages",
        "ru_python 2025-11-02: skipped, complete already (450 messages)",
        "ru_python 2025-11-03: skipped, nothing new (450 messages)",
        "3 days: 1 fetched, 2 skipped, 0 failed",
    ]


def test_days_that_fail_are_a_line_each_with_the_reason_and_exit_code_1(command: Command, worker: Any):
    worker(ends(["2025-11-01"], ["2025-11-02", "failed", "the chat is private"]))
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-02")
    assert result.code == 1
    assert result.error == "error: ru_python 2025-11-02: the chat is private"


def test_many_failures_are_bounded(command: Command, worker: Any):
    every = [f"2025-11-{number:02}" for number in range(1, 31)]
    worker(ends(*([day, "failed", "no access"] for day in every)))
    result = command("fetch", "ru_python", "--from", every[0], "--to", every[-1])
    assert result.code == 1
    assert len(result.err.splitlines()) == 11
    assert "and 20 more days that failed" in result.err


def test_a_command_that_is_refused_as_a_whole_is_one_line(command: Command, worker: Any):
    def answer(connection: sa.Connection, given: dict[str, Any]) -> None:
        request(connection, given, state="refused", error_type="not_found", error="there is no such chat")

    worker(answer)
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-30")
    assert (result.code, result.error) == (1, "error: ru_python: there is no such chat")


def test_days_that_somebody_cancelled_are_no_success(command: Command, worker: Any):
    worker(ends(["2025-11-01"], ["2025-11-02", "cancelled"]))
    result = command("fetch", "ru_python", "--from", "2025-11-01", "--to", "2025-11-02")
    assert result.code == 1
    assert "2 days: 1 fetched, 0 skipped, 0 failed, 1 cancelled" in result.out
    assert result.error == "error: ru_python 2025-11-02: cancelled"


def test_an_incremental_fetch_with_nothing_to_do_ends_well(command: Command, worker: Any):
    worker(lambda connection, given: request(connection, given, state="done"))
    result = command("fetch", "ru_python", "--incremental")
    assert (result.code, result.out, result.err) == (0, "", "nothing to do\n")


def test_without_a_chat_those_of_the_settings_are_fetched_as_fetch_mode_says(
    command: Command, worker: Any, env_file: Path
):
    with env_file.open("a") as file:
        file.write("TELEGRAM_CHATS=ru_python,@other_chat\n")
    taken = worker(ends([YESTERDAY.isoformat()]))
    assert command("fetch").code == 0
    assert [(each["chat"], each["mode"]) for each in taken.commands] == [
        ("ru_python", "yesterday"),
        ("@other_chat", "yesterday"),
    ]


def test_nobody_who_takes_the_command_is_told_and_the_time_limit_holds(
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


def test_what_days_wait_for_is_told_until_they_have_ended(
    command: Command, worker: Any, monkeypatch: pytest.MonkeyPatch
):
    def answer(connection: sa.Connection, given: dict[str, Any]) -> None:
        request_id = request(connection, given, open_days=1)
        why = {"error_type": "rate_limit", "error": "FLOOD_WAIT_1860"}
        ask(connection, request_id, "2025-11-07", wait_until=SOON, **why)

    worker(answer)
    positions: list[str] = []
    look = following.Follower.look

    def ends_after_two_looks(self: following.Follower, *, waited: float) -> bool:
        over = look(self, waited=waited)
        with closing(known_ledger()) as ledger, ledger.write() as connection:
            is_asked = connection.execute(sa.select(sa.func.count()).select_from(asks)).scalar_one()
            positions.extend(["asked"] * is_asked)
            if len(positions) == 2:
                connection.execute(sa.update(asks).values(state="fetched", ended_at=5.0))
        return over

    monkeypatch.setattr(following.Follower, "look", ends_after_two_looks)
    result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert result.code == 0
    assert result.err == "ru_python 2025-11-07: waits until 12:31 UTC: Telegram asked for a pause\n"


def test_redis_that_goes_away_after_the_push_stops_nothing(
    command: Command, env_file: Path, monkeypatch: pytest.MonkeyPatch
):
    from tg_fetcher_dagster.cli import fetch as fetching
    from tg_fetcher_dagster_tests.fixtures_redis import valkey

    push = fetching.push
    known_ledger().close()

    def pushed_and_gone(commands: Any, settings: Any) -> None:
        push(commands, settings)
        with redis.Redis.from_url(settings.redis_url) as client:
            raw = client.lpop("tg_commands")
            client.shutdown(nosave=True)
        with closing(known_ledger()) as ledger, ledger.write() as connection:
            ends(["2025-11-07"])(connection, orjson.loads(raw))

    monkeypatch.setattr(fetching, "push", pushed_and_gone)
    with valkey() as server:
        env_file.write_text(f"REDIS_URL=redis://127.0.0.1:{server.port}\n")
        result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert (result.code, result.out, result.err) == (0, "ru_python 2025-11-07: 450 messages\n", "")


def test_a_run_under_way_and_a_run_to_come_are_told_apart():
    about = {"chat": "news", "days": 3, "first": date(2025, 11, 1), "last": date(2025, 11, 3),
             "wait_until": 0.0, "error_type": None, "error": None}  # fmt: skip
    told = {
        state: following.position_of(following.OpenDays(batch_state=state, **about), now=TODAY)
        for state in ("running", "asked", None)
    }
    assert told == {
        "running": "news 2025-11-01 to 2025-11-03: being fetched",
        "asked": "news 2025-11-01 to 2025-11-03: waits for its run",
        None: "news 2025-11-01 to 2025-11-03: waits for its turn",
    }


def test_a_day_that_becomes_visible_late_is_not_missed(ledger: Ledger):
    from tg_fetcher_dagster.cli.display import FetchDisplay

    command = {"command_id": "c", "chat": "news"}
    with ledger.write() as connection:
        request_id = request(connection, command)
        ended(connection, request_id, "2025-11-02", at=1000.0)
        ask(connection, request_id, "2025-11-03")
    with FetchDisplay() as display:
        follower = following.Follower(ledger, ["c"], display)
        assert not follower.look()
        with ledger.write() as connection:
            ended(connection, request_id, "2025-11-01", at=999.0)
            connection.execute(sa.update(asks).values(state="fetched", ended_at=1001.0))
        assert follower.look()
    assert sorted(end.date.day for end in follower.ends if end.date) == [1, 2, 3]


def test_the_open_days_of_a_request_are_told_by_their_run(ledger: Ledger):
    from tg_fetcher_dagster.ledger.request_progress import open_days

    with ledger.write() as connection:
        first = date(2025, 11, 1)
        batch = batches.Batch(batch_id="b", chats=("news",), first=first, last=first, state="running")
        batches.put(connection, batch)
        ask(connection, "r", "2025-11-01", "news", batch_id="b")
        ask(connection, "r", "2025-11-02", "news")
        ask(connection, "r", "2025-11-03", "news")
        ask(connection, "another", "2025-11-04", "news")
        found = open_days(connection, ["r"])
    assert [(each.batch_state, each.days) for each in found] == [("running", 1), (None, 2)]


def test_not_waiting_prints_the_id_by_which_it_can_be_cancelled(
    command: Command, env_file: Path, redis_url: str, redis_client: redis.Redis
):
    env_file.write_text(f"REDIS_URL={redis_url}\n")
    result = command("fetch", "ru_python", "other_chat", "--yesterday", "--no-wait")
    assert result.code == 0
    pushed = [orjson.loads(raw)["command_id"] for raw in redis_client.lrange("tg_commands", 0, -1)]
    assert result.out.splitlines() == pushed
    assert len(pushed) == 2


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


def test_without_redis_a_command_becomes_a_file_in_the_spool_folder_and_is_followed_likewise(
    command: Command, env_file: Path, monkeypatch: pytest.MonkeyPatch
):
    from tg_fetcher_dagster.requests.spool import SpoolFolder

    env_file.write_text("REDIS_URL=\n")
    assert command("fetch", "other_chat", "--date", "2025-11-06", "--no-wait").code == 0
    look = following.Follower.look

    def taken_before_the_look(self: following.Follower, *, waited: float) -> bool:
        with closing(known_ledger()) as ledger:
            assert SpoolFolder(Path("data")).take(ledger, 1.0) in {0, 2}
            with ledger.write() as connection:
                found = connection.execute(sa.select(requests).where(requests.c.state == "new")).mappings()
                for row in found.all():
                    given = orjson.loads(row["raw"])
                    connection.execute(sa.delete(requests).where(requests.c.seq == row["seq"]))
                    ends([given["date"]])(connection, given)
        return look(self, waited=waited)

    monkeypatch.setattr(following.Follower, "look", taken_before_the_look)
    result = command("fetch", "ru_python", "--date", "2025-11-07")
    assert (result.code, result.out) == (0, "ru_python 2025-11-07: 450 messages\n")
    assert list(Path("data/.spool").glob("*.json")) == []
