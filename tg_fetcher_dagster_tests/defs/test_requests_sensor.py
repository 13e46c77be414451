"""Commands in a real Valkey become runs, and are settled when each day has its event."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import orjson
import pytest
import redis
import sqlalchemy as sa
import time_machine

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.sensors import requests as requests_sensor
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import requests as ledger_requests
from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import asks
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.requests.asking import NewRequest, ask
from tg_fetcher_dagster.requests.cancelling import cancel
from tg_fetcher_dagster.requests.registration import begin_run
from tg_fetcher_dagster.requests.rules import Rules
from tg_fetcher_dagster.requests.spool import put
from tg_fetcher_dagster.requests.waiting import note_away
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster_tests.defs.deployment import AWAY, Deployment, ends

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that finds nothing does not wait for a command."""
    monkeypatch.setattr(requests_sensor, "WAIT_SECONDS", 0)


def evaluate(deployment: Deployment) -> dg.SensorResult | dg.SkipReason:
    """What the sensor answers."""
    sensor = requests_sensor.build_requests_sensor(deployment.settings)
    answer = sensor(dg.build_sensor_context(instance=deployment.instance))
    assert isinstance(answer, dg.SensorResult | dg.SkipReason)
    return answer


def open_requests(deployment: Deployment) -> int:
    """How many requests have not ended."""
    with deployment.ledger.read() as connection:
        return sum(ledger_requests.counts(connection).values())


def tick(deployment: Deployment) -> list[dg.RunRequest]:
    """One tick; its partitions are added as the daemon would add them."""
    answer = evaluate(deployment)
    if isinstance(answer, dg.SkipReason):
        return []
    for request in answer.dynamic_partitions_requests or []:
        assert isinstance(request, dg.AddDynamicPartitionsRequest)
        deployment.add_chats(*request.partition_keys)
    return list(answer.run_requests or [])


def until_settled(deployment: Deployment, most: int = 6) -> list[dg.RunRequest]:
    """Ticks and runs what is asked for until nothing is; returns all requests."""
    asked: list[dg.RunRequest] = []
    for _ in range(most):
        requests = tick(deployment)
        asked += requests
        for request in requests:
            deployment.execute_request(request)
        if not requests and not open_requests(deployment):
            return asked
    raise AssertionError(f"not settled after {most} ticks: {lengths(deployment)}")


def push(deployment: Deployment, *commands: dict[str, Any] | bytes) -> None:
    with redis.Redis.from_url(deployment.env["REDIS_URL"]) as client:
        for command in commands:
            client.rpush("tg_commands", command if isinstance(command, bytes) else orjson.dumps(command))


def lengths(deployment: Deployment) -> dict[str, int]:
    with redis.Redis.from_url(deployment.env["REDIS_URL"]) as client:
        names = ("tg_commands", "tg_commands:processing", "tg_commands:failed")
        return {name: client.llen(name) for name in names}


SETTLED = {"tg_commands": 0, "tg_commands:processing": 0, "tg_commands:failed": 0}


def fetch(chat: str, **more: Any) -> dict[str, Any]:
    return {"command": "fetch", "chat": chat, "command_id": "c1", "correlation_id": "who-asked", **more}


def test_a_date_command_resolves_the_chat_once_and_fetches_the_day(with_redis: Deployment) -> None:
    push(with_redis, fetch("https://t.me/Def_Busy", date="2025-11-05"))

    resolve, run = until_settled(with_redis)

    assert resolve.job_name == "resolve_chats"
    assert run.tags[START] == run.tags[END] == "def_busy|2025-11-05"
    [event] = with_redis.published()
    assert (event["event"], event["command_ids"]) == ("messages_fetched", ["c1"])
    assert event["correlation_id"] == "who-asked"
    assert lengths(with_redis) == SETTLED
    records = with_redis.instance.get_runs(filters=dg.RunsFilter(tags={"dagster/run_key": run.run_key or ""}))
    assert len(records) == 1


def test_a_range_command_is_one_run_and_neighbouring_commands_join_it(with_redis: Deployment) -> None:
    with_redis.know("def_busy", marked_id=with_redis.sandbox.world.chats["busy"].peer)
    push(
        with_redis,
        fetch("def_busy", mode="range", **{"from": "2025-11-02", "to": "2025-11-04"}),
        fetch("@def_busy", mode="date", date="2025-11-05", command_id="c2"),
    )

    runs = tick(with_redis)

    assert [(run.tags[START], run.tags[END]) for run in runs] == [
        ("def_busy|2025-11-02", "def_busy|2025-11-05")
    ]
    assert tick(with_redis)[0].run_key == runs[0].run_key  # asked for until the run exists
    until_settled(with_redis)
    assert lengths(with_redis) == SETTLED
    assert {event["date"]: event["command_ids"] for event in with_redis.published()} == {
        "2025-11-02": ["c1"],
        "2025-11-03": ["c1"],
        "2025-11-04": ["c1"],
        "2025-11-05": ["c2"],
    }


def test_a_tick_asks_for_few_runs_and_the_urgent_ones_first(with_redis: Deployment) -> None:
    with_redis.know("def_busy", marked_id=with_redis.sandbox.world.chats["busy"].peer)
    with_redis.know("def_news", marked_id=with_redis.sandbox.world.chats["news"].peer)
    push(
        with_redis,
        fetch("def_busy", mode="range", **{"from": "2025-02-01", "to": "2025-10-31"}),
        fetch("def_news", date="2025-11-05", command_id="c2"),
    )
    runs = tick(with_redis)
    assert 1 < len(runs) <= requests_sensor.RUNS_A_TICK
    assert (runs[0].tags["chat"], runs[0].tags["dagster/priority"]) == ("def_news", "0")
    assert {run.tags["dagster/priority"] for run in runs[1:]} == {"-50"}


def test_a_command_in_the_spool_folder_needs_no_redis(deployment: Deployment) -> None:
    deployment.write_env(REDIS_URL="")
    deployment.know("def_busy", marked_id=deployment.sandbox.world.chats["busy"].peer)
    put(deployment.data_dir, fetch("def_busy", date="2025-11-05"))
    [run] = until_settled(deployment)
    assert run.tags[START] == "def_busy|2025-11-05"
    [event] = deployment.recorded()
    assert (event["event"], event["command_ids"]) == ("messages_fetched", ["c1"])


def test_a_run_of_the_ui_that_met_a_flood_is_finished_when_it_has_passed(deployment: Deployment) -> None:
    deployment.write_env(REDIS_URL="")
    deployment.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    assert not deployment.fetch("def_busy", "2025-11-05", "2025-11-06").success
    assert tick(deployment) == []
    deployment.sandbox.clear_faults()
    with time_machine.travel(datetime.now(UTC).timestamp() + 5000):
        [run] = tick(deployment)
        assert (run.tags[START], run.tags[END]) == ("def_busy|2025-11-05", "def_busy|2025-11-06")
        assert deployment.execute_request(run).success
    assert ends(deployment.recorded()) == [
        ("def_busy", f"2025-11-0{day}", "messages_fetched") for day in (5, 6)
    ]


def test_a_run_whose_days_nobody_wants_any_more_is_canceled(deployment: Deployment) -> None:
    deployment.write_env(REDIS_URL="")
    run = deployment.instance.create_run_for_job(
        defs().resolve_job_def("fetch_days"), status=dg.DagsterRunStatus.STARTED
    )
    begin_run(
        deployment.ledger,
        run_id=run.run_id,
        batch_id=None,
        parent_run_id=None,
        chats={"def_busy": (date(2025, 11, 5),)},
    )
    rules = Rules.from_settings(deployment.settings)
    cancel(deployment.ledger, rules=rules, now=now(), today=date(2025, 11, 8))
    canceled: list[str] = []
    coordinator = deployment.instance.run_coordinator
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "cancel_run", canceled.append)
        tick(deployment)
    assert canceled == [run.run_id]


def test_a_today_command_stores_the_unfinished_day(with_redis: Deployment) -> None:
    with time_machine.travel(datetime(2025, 11, 8, 18, tzinfo=UTC)):
        push(with_redis, fetch("def_busy", mode="today"))
        runs = until_settled(with_redis)
    assert [run.job_name for run in runs] == ["resolve_chats", "fetch_today"]
    assert runs[1].partition_key == "def_busy"
    [event] = with_redis.published()
    assert (event["event"], event["date"], event["final"]) == ("messages_fetched", "2025-11-08", False)
    assert lengths(with_redis) == SETTLED


def test_a_command_for_days_that_are_complete_is_answered_without_telegram(with_redis: Deployment) -> None:
    assert with_redis.fetch("def_busy", "2025-11-05").success
    with_redis.sandbox.clear_requests()
    push(with_redis, fetch("def_busy", date="2025-11-05"))
    until_settled(with_redis)
    assert with_redis.sandbox.requests == []
    assert [event["event"] for event in with_redis.published()] == ["messages_fetched", "fetch_skipped"]


def test_invalid_commands_become_dead_letters_with_an_event_and_stop_nobody(with_redis: Deployment) -> None:
    with_redis.know("def_busy", marked_id=with_redis.sandbox.world.chats["busy"].peer)
    push(
        with_redis,
        b"{not json",
        b"[1, 2]",
        b"\xff\xfe",
        fetch("def_busy", date="2025-13-01", command_id="bad-date"),
        fetch("", date="2025-11-05", command_id="bad-chat"),
        fetch("def_busy", date="2025-11-05", command_id="good"),
    )

    [run] = tick(with_redis)

    assert run.tags[START] == "def_busy|2025-11-05"
    told = {tuple(event["command_ids"]): event for event in with_redis.published()}
    assert told["bad-date",]["error_type"] == told["bad-chat",]["error_type"] == "validation"
    assert all("\n" not in event["error"] for event in told.values())
    assert len(told) == 5
    assert lengths(with_redis) == {"tg_commands": 0, "tg_commands:processing": 0, "tg_commands:failed": 5}


def test_yesterday_is_telegrams_where_the_machines_clock_is_a_day_ahead(with_redis: Deployment) -> None:
    noon = datetime(2025, 11, 7, 12, tzinfo=UTC)
    with_redis.know("def_busy")
    with time_machine.travel(noon, tick=False):
        TelegramClock(clock_path(with_redis.settings.session_dir)).tell(noon - timedelta(days=1))
        push(with_redis, {"command": "fetch", "chat": "@def_busy", "mode": "yesterday", "command_id": "c1"})

        [request] = tick(with_redis)

    assert request.tags[START] == request.tags[END] == "def_busy|2025-11-05"


def test_a_chat_that_does_not_exist_fails_its_command_with_the_reason(with_redis: Deployment) -> None:
    push(with_redis, fetch("no_such_chat_here", date="2025-11-05"))
    until_settled(with_redis)
    [event] = with_redis.published()
    assert (event["event"], event["error_type"], event["date"]) == ("fetch_failed", "not_found", "2025-11-05")
    assert lengths(with_redis) == {**SETTLED, "tg_commands:failed": 1}


def test_a_name_that_moved_is_todays_owners_to_a_command_and_the_old_chats_as_a_key(
    with_redis: Deployment,
) -> None:
    push(with_redis, fetch("@def_busy", date="2025-11-05"))
    until_settled(with_redis)
    world = with_redis.sandbox.world
    world.rename("news", "def_busy")
    number = -world.chats["news"].peer - 10**12
    # A page shows that the name is lost: the next command asks, and the outcome is kept.
    assert with_redis.fetch("def_busy", "2025-11-06").success

    push(with_redis, fetch("@def_busy", date="2025-11-05"), fetch("def_busy", date="2025-11-06"))
    until_settled(with_redis)
    push(with_redis, fetch("@def_busy", date="2025-11-07"))
    until_settled(with_redis)
    assert with_redis.fetch("def_busy", "2025-11-07").success

    assert with_redis.sandbox.count("contacts.resolveUsername") == 2
    told = [event for event in with_redis.recorded() if event["event"] == "messages_fetched"]
    assert ends(told) == sorted(
        (chat, f"2025-11-0{day}", "messages_fetched")
        for chat in ("def_busy", f"channel_{number}") for day in (5, 6, 7)
    )  # fmt: skip
    counts = {
        chat: {each["message_count"] for each in told if each["chat"] == chat} for chat, _, _ in ends(told)
    }
    assert counts == {"def_busy": {30}, f"channel_{number}": {4}}
    notices = {event["notice"] for event in told if event["chat"] != "def_busy"}
    assert all(f"(kept as def_busy) and means channel_{number} now" in notice for notice in notices)


def test_a_chat_without_access_fails_each_day_once(with_redis: Deployment) -> None:
    with_redis.know(
        "def_closed", type="channel", marked_id=with_redis.sandbox.world.chats["closed"].peer,
        access_hashes={"main": 1},
    )  # fmt: skip
    push(with_redis, fetch("def_closed", mode="range", **{"from": "2025-11-02", "to": "2025-11-04"}))
    until_settled(with_redis)
    told = with_redis.published()
    assert ends(told) == [("def_closed", f"2025-11-0{day}", "fetch_failed") for day in (2, 3, 4)]
    assert lengths(with_redis)["tg_commands:failed"] == 1


def test_a_flood_delays_the_command_and_another_run_answers_it(with_redis: Deployment) -> None:
    with_redis.know("def_busy", marked_id=with_redis.sandbox.world.chats["busy"].peer)
    push(with_redis, fetch("def_busy", date="2025-11-05"))
    with_redis.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    [run] = tick(with_redis)
    assert not with_redis.execute_request(run).success

    assert tick(with_redis) == []

    assert with_redis.published() == []
    with redis.Redis.from_url(with_redis.env["REDIS_URL"]) as client:
        assert client.zcard("tg_commands:delayed") == 1
    with_redis.sandbox.clear_faults()
    with time_machine.travel(datetime.now(UTC).timestamp() + 5000):
        [again] = tick(with_redis)
        assert again.run_key != run.run_key
        assert with_redis.execute_request(again).success
        tick(with_redis)
    assert ends(with_redis.published()) == [("def_busy", "2025-11-05", "messages_fetched")]
    assert lengths(with_redis) == SETTLED


def test_a_canceled_run_ends_its_command_with_that_reason(with_redis: Deployment) -> None:
    with_redis.know("def_busy", marked_id=with_redis.sandbox.world.chats["busy"].peer)
    push(with_redis, fetch("def_busy", date="2025-11-05"))
    [request] = tick(with_redis)
    run = with_redis.instance.create_run_for_job(
        defs().resolve_job_def("fetch_days"),
        run_config=dict(request.run_config or {}),
        tags={**request.tags, "dagster/run_key": request.run_key or ""},
    )
    with_redis.instance.report_run_canceled(run)
    assert tick(with_redis) == []
    [event] = with_redis.published()
    assert (event["event"], event["error"]) == ("fetch_failed", "cancelled by an operator")
    assert lengths(with_redis)["tg_commands:processing"] == 0


def test_without_redis_a_tick_goes_on_and_says_so_once(with_redis: Deployment) -> None:
    push(with_redis, fetch("def_busy", date="2025-11-05"))
    url = with_redis.env["REDIS_URL"]
    [resolve] = tick(with_redis)
    with_redis.write_env(REDIS_URL=AWAY)

    [same] = tick(with_redis)

    assert same.run_key == resolve.run_key
    with_redis.write_env(REDIS_URL=url)
    until_settled(with_redis)
    assert ends(with_redis.published()) == [("def_busy", "2025-11-05", "messages_fetched")]


def test_a_trouble_is_logged_when_it_begins_and_when_it_ends(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(deployment.settings)  # to this test's own standard error, not an earlier one's
    sensor = requests_sensor.build_requests_sensor(deployment.settings)

    def say() -> str:
        answer = sensor(dg.build_sensor_context(instance=deployment.instance))
        assert isinstance(answer, dg.SkipReason)
        return str(answer.skip_message)

    deployment.write_env(REDIS_URL="", PROGRESS_INTERVAL="none")
    said = [say() for _ in range(3)]
    assert all("PROGRESS_INTERVAL" in line and "\n" not in line for line in said)
    deployment.write_env(PROGRESS_INTERVAL="100")
    say()
    say()
    lines = [line for line in capsys.readouterr().err.splitlines() if "a trouble" in line]
    assert len(lines) == 2
    assert "a trouble begins" in lines[0]
    assert "a trouble is over" in lines[1]


def test_a_tick_that_asks_for_no_run_says_what_waits_for_what(deployment: Deployment) -> None:
    deployment.write_env(REDIS_URL="")
    sensor = requests_sensor.build_requests_sensor(deployment.settings)

    def say() -> str:
        answer = sensor(dg.build_sensor_context(instance=deployment.instance))
        assert isinstance(answer, dg.SkipReason)
        return str(answer.skip_message)

    assert say() == "nothing waits; 0 runs under way"
    with deployment.ledger.write() as connection:
        days = (date(2025, 11, 3), date(2025, 11, 4))
        ask(connection, NewRequest(source="cli", days={"def_busy": days}), now=now())
        connection.execute(
            sa.update(asks).values(wait_until=now() + 3600, error_type="auth", error="the session has ended")
        )
    said = say()
    assert re.fullmatch(
        r"2 days of 1 chat wait, the first until 20..-..-.. ..:.. UTC \(the session has ended\);"
        r" 0 runs under way",
        said,
    ), said
    with deployment.ledger.write() as connection:
        note_away(connection, FetchError(ErrorType.TELEGRAM_AWAY, "no route"), now=now())
        connection.execute(sa.update(asks).values(wait_until=0))
    assert say() == ("2 days wait for a run; 0 runs under way; no run is begun: Telegram is away: no route")
