"""What happens by itself: yesterday for all chats in few runs, and chats that become partitions."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.defs.schedules import CHATS_A_RUN, build_yesterday, runs_for_a_day
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends

DAY = date(2025, 11, 7)
START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on the disk: a schedule's context takes no other."""
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as local:
        yield local


@given(st.integers(0, 180), st.sets(st.integers(0, 179)))
def test_every_chat_that_is_not_paused_is_in_exactly_one_run(count: int, paused: set[int]) -> None:
    ordered = [f"chat_{number}" for number in range(count)]
    left_out = frozenset(f"chat_{number}" for number in paused)
    found = []
    for request in runs_for_a_day(ordered, left_out, DAY):
        first, last = request.tags[START].split("|")[0], request.tags[END].split("|")[0]
        chats_of_run = ordered[ordered.index(first) : ordered.index(last) + 1]
        assert len(chats_of_run) <= CHATS_A_RUN
        found += chats_of_run
    assert found == [chat for chat in ordered if chat not in left_out]


def test_a_hundred_chats_are_two_runs_and_not_a_hundred() -> None:
    ordered = [f"chat_{number}" for number in range(100)]
    requests = runs_for_a_day(ordered, frozenset(), DAY)
    assert len(requests) == 2
    assert len({request.run_key for request in requests}) == 2


def evaluate(deployment: Deployment, at: datetime) -> list[dg.RunRequest] | dg.SkipReason:
    schedule = build_yesterday(DefinitionSettings.read())
    answer = schedule(dg.build_schedule_context(instance=deployment.instance, scheduled_execution_time=at))
    return answer if isinstance(answer, list | dg.SkipReason) else [answer]


def test_the_schedule_fetches_yesterday_of_the_deployments_zone(deployment: Deployment) -> None:
    deployment.write_env(TIMEZONE="Europe/Moscow")
    deployment.add_chats("def_busy")
    [request] = evaluate(deployment, datetime(2025, 11, 7, 21, 15, tzinfo=UTC))
    assert request.tags[START] == "def_busy|2025-11-07"


@pytest.mark.parametrize(
    ("seconds", "day"),
    [(-86_400, "2025-11-05"), (-3_600, "2025-11-05"), (-30, "2025-11-06"), (86_400, "2025-11-06")],
)
def test_the_schedule_goes_by_telegrams_time_and_never_before_the_partition_is_there(
    deployment: Deployment, seconds: float, day: str
) -> None:
    at = datetime(2025, 11, 7, 0, 15, tzinfo=UTC)
    clock = TelegramClock(clock_path(deployment.settings.session_dir), timing=Timing(wall=at.timestamp))
    clock.tell(at + timedelta(seconds=seconds))
    deployment.add_chats("def_busy")

    [request] = evaluate(deployment, at)

    assert request.tags[START] == f"def_busy|{day}"


def test_the_schedules_run_fetches_all_chats_but_those_that_are_paused(deployment: Deployment) -> None:
    deployment.add_chats("def_news", "def_closed", "def_busy")
    for chat in ("def_news", "def_closed", "def_busy"):
        deployment.know(chat)
    with open_identities(deployment.settings) as identities:
        identities.set_paused("def_closed", paused=True)
        # Known only by name: the run finds out who they are.
        for chat in ("def_news", "def_busy"):
            identities.remove(chat)

    with time_machine.travel(datetime(2025, 11, 8, 0, 15, tzinfo=UTC)):
        requests = evaluate(deployment, datetime(2025, 11, 8, 0, 15, tzinfo=UTC))
        assert isinstance(requests, list)
        assert len(requests) == 2
        assert all(deployment.execute_request(request).success for request in requests)

    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-07", "messages_fetched"),
        ("def_news", "2025-11-07", "messages_fetched"),
    ]


def test_without_chats_the_schedule_says_what_to_do(deployment: Deployment) -> None:
    skipped = evaluate(deployment, datetime(2025, 11, 8, tzinfo=UTC))
    assert isinstance(skipped, dg.SkipReason)
    assert "TELEGRAM_CHATS" in str(skipped.skip_message)
