"""Commands in Redis and a backfill in the UI become runs, files and events, through one real daemon.

Dagster's backfill daemon looks every 30 s and needs two looks: the commands are answered meanwhile.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import redis

from tg_fetcher_dagster_tests.consumer import read_day
from tg_fetcher_dagster_tests.fixtures_redis import free_port
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, PROJECT, Deployment
from tg_fetcher_dagster_tests.waiting import PATIENCE

pytestmark = pytest.mark.flow

ENDS = ("messages_fetched", "fetch_skipped", "fetch_failed")
BACKFILLED = [f"2025-11-{day:02}" for day in range(1, 11)]
LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""


@dataclass(frozen=True)
class Backfill:
    """A backfill that was launched in the UI."""

    id: str
    chats: tuple[str, ...]

    @property
    def partitions(self) -> list[str]:
        """What it is of."""
        return [f"{chat}|{day}" for chat in self.chats for day in BACKFILLED]


@pytest.fixture(scope="module")
def backfill(flow: Deployment) -> Backfill:
    """Launched as the UI does it: the UI's server is needed for that moment only."""
    quiet = flow.sandbox.world.chats["quiet"].peer
    subprocess.run(
        [PROGRAMS / "tg-fetcher", "chats", "add", "flow_archive", "flow_crowd", str(quiet)],
        env=flow.environment,
        cwd=flow.folder,
        check=True,
    )
    with flow.instance() as instance:
        chats = flow.until(
            lambda: (got := instance.get_dynamic_partitions("chats")) and len(got) == 3 and tuple(got),
            what="three chats as partitions",
        )
    launched = Backfill("", chats)
    params = {"partitionNames": launched.partitions, "assetSelection": [{"path": ["messages"]}], "tags": []}
    address = ("-h", "127.0.0.1", "-p", str(port := free_port()))
    with flow.process([PROGRAMS / "dagster-webserver", *address, "-w", PROJECT / "workspace.yaml"]):
        url = f"http://127.0.0.1:{port}"
        flow.until(lambda: _answers(url), what="the webserver")
        asked = {"query": LAUNCH, "variables": {"params": params}}
        told = httpx.post(f"{url}/graphql", json=asked, timeout=PATIENCE).json()
    answer = told["data"]["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    return Backfill(answer["backfillId"], chats)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info").is_success
    except httpx.TransportError:
        return False


def ends_of(flow: Deployment, command_id: str) -> list[dict[str, Any]]:
    """Returns the terminal events that answer a command."""
    return [event for event in flow.events(*ENDS) if command_id in event["command_ids"]]


def settled(flow: Deployment) -> bool:
    """True when no command is queued or claimed."""
    with redis.Redis.from_url(flow.redis_url) as client:
        return not client.llen("tg_commands") and not client.llen("tg_commands:processing")


def dead_letters(flow: Deployment) -> list[bytes]:
    """Returns the dead letters."""
    with redis.Redis.from_url(flow.redis_url) as client:
        return client.lrange("tg_commands:failed", 0, -1)


def test_a_backfill_that_is_launched_in_the_ui_is_taken(flow: Deployment, backfill: Backfill) -> None:
    with flow.instance() as instance:
        assert instance.get_backfill(backfill.id) is not None


@pytest.mark.ledger
def test_a_range_command_becomes_files_and_one_event_for_each_day(flow: Deployment) -> None:
    command = flow.push(chat="@Flow_News", mode="range", **{"from": "2025-11-03", "to": "2025-11-06"})

    events = flow.until(lambda: (got := ends_of(flow, command)) and len(got) == 4 and got, what="four events")

    assert {event["event"] for event in events} == {"messages_fetched"}
    assert {event["chat"] for event in events} == {"flow_news"}
    for event in events:
        summary = read_day(Path(event["file_path"]).parent, event["date"]).summary
        assert event["checksum_sha256"] == summary.file_checksum_sha256
        assert event["message_count"] == summary.message_count == 6
        assert (event["first_message_ts"], event["last_message_ts"]) == (
            summary.first_message_ts,
            summary.last_message_ts,
        )
    flow.until(lambda: settled(flow), what="the command's settling")
    assert dead_letters(flow) == []


@pytest.mark.ledger
def test_neighbouring_commands_of_one_chat_are_one_run_and_each_finds_its_events(flow: Deployment) -> None:
    commands = flow.push_at_once(
        {"chat": "https://t.me/flow_busy", "date": "2025-11-04"},
        {"chat": "flow_busy", "date": "2025-11-05", "strategy": "batch"},
        {"chat": "t.me/flow_busy", "date": "2025-11-06", "mode": "date"},
    )

    flow.until(lambda: all(ends_of(flow, command) for command in commands), what="three answers")

    assert [len(ends_of(flow, command)) for command in commands] == [1, 1, 1]
    with flow.instance() as instance:
        runs = [run for run in instance.get_runs() if run.tags.get("chat") == "flow_busy"]
    # The chat was unknown: one run has found out who it is.
    assert sorted(run.job_name for run in runs) == ["fetch_days", "resolve_chats"]


def test_a_command_that_makes_no_sense_becomes_a_dead_letter_with_a_reason(flow: Deployment) -> None:
    before = len(dead_letters(flow))
    with redis.Redis.from_url(flow.redis_url) as client:
        client.rpush("tg_commands", b"{not json", b'{"command":"fetch","chat":"a b","date":"2025-11-04"}')
    command = flow.push(chat="flow_busy", date="2025-13-01")

    letters = flow.until(
        lambda: (got := dead_letters(flow)) and len(got) == before + 3 and got, what="three dead letters"
    )

    assert all(b'"error"' in letter and b'"error_type":"validation"' in letter for letter in letters[before:])
    ends = flow.until(lambda: ends_of(flow, command), what="the refused command's event")
    assert [event["event"] for event in ends] == ["fetch_failed"]


@pytest.mark.parametrize(
    ("chat", "error_type"), [("no_such_chat_here", "not_found"), ("flow_closed", "no_access")]
)
def test_a_chat_that_cannot_be_read_fails_with_its_sort(flow: Deployment, chat: str, error_type: str) -> None:
    command = flow.push(chat=chat, date="2025-11-04")

    events = flow.until(lambda: ends_of(flow, command), what="a failure")

    assert [(event["event"], event["error_type"]) for event in events] == [("fetch_failed", error_type)]
    assert "\n" not in events[0]["error"]
    assert not list(flow.data_dir.glob(f"{chat}/2025-11-04.json"))


def test_the_backfill_of_three_chats_and_ten_days_is_three_runs_and_thirty_materialisations(
    flow: Deployment, backfill: Backfill
) -> None:
    with flow.instance() as instance:
        flow.until(
            lambda: (got := instance.get_backfill(backfill.id)) and got.status.value == "COMPLETED_SUCCESS",
            what="the backfill's end",
        )
        runs = instance.get_runs(filters=dg.RunsFilter(tags={"dagster/backfill": backfill.id}))
        materialized = instance.fetch_materializations(dg.AssetKey("messages"), limit=1000).records

    assert len(runs) <= 3
    ids = {run.run_id for run in runs}
    ours = [event for event in materialized if event.run_id in ids]
    assert sorted(event.partition_key for event in ours) == sorted(backfill.partitions)
    told = {"dagster/partition_row_count", "path", "checksum_sha256", "bytes", "outcome", "requests"}
    assert told <= set(ours[0].asset_materialization.metadata)
    events = [event for event in flow.events(*ENDS) if event["chat"] in backfill.chats]
    assert [event["event"] for event in events] == ["messages_fetched"] * 30
    for event in events:
        read_day(flow.data_dir / event["chat"], event["date"])


def test_a_changed_env_takes_effect_without_a_restart(flow: Deployment) -> None:
    flow.write_env(EVENTS_CHANNEL="other_events", COMMANDS_QUEUE="other_commands")
    try:
        with redis.Redis.from_url(flow.redis_url) as client:
            client.rpush("other_commands", b'{"command":"fetch","chat":"flow_busy","date":"2025-11-09"}')
            flow.until(lambda: client.xlen("other_events:stream"), what="an event on the other channel")
    finally:
        flow.write_env(EVENTS_CHANNEL="tg_events", COMMANDS_QUEUE="tg_commands")
