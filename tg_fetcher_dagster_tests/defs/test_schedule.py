"""The daily schedule asks for yesterday of all chats; it starts no run itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.defs.schedules import build_yesterday
from tg_fetcher_dagster.ledger.tables import asks
from tg_fetcher_dagster.settings import DefinitionSettings
from tg_fetcher_dagster.telegram.clock import TelegramClock, clock_path
from tg_fetcher_dagster_tests.defs.deployment import Deployment


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on the disk: a schedule's context takes no other."""
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as local:
        yield local


def evaluate(deployment: Deployment, at: datetime) -> str:
    """One tick of the schedule; returns what it says."""
    schedule = build_yesterday(DefinitionSettings.read())
    answer = schedule(dg.build_schedule_context(instance=deployment.instance, scheduled_execution_time=at))
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def asked(deployment: Deployment) -> set[tuple[str, str]]:
    """Returns the chats and days that are asked for."""
    with deployment.ledger.read() as connection:
        return {(row.chat, str(row.date)) for row in connection.execute(sa.select(asks))}


def test_the_schedule_asks_for_yesterday_of_the_deployments_zone_and_starts_nothing(
    deployment: Deployment,
) -> None:
    deployment.write_env(TIMEZONE="Europe/Moscow")
    deployment.know("def_busy")
    at = datetime(2025, 11, 7, 21, 15, tzinfo=UTC)
    said = evaluate(deployment, at)
    assert said.startswith("asked for 1 days of 1 chats up to 2025-11-07")
    assert asked(deployment) == {("def_busy", "2025-11-07")}
    evaluate(deployment, at)  # a tick that is repeated asks for nothing more
    assert len(asked(deployment)) == 1


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
    deployment.know("def_busy")
    evaluate(deployment, at)
    assert asked(deployment) == {("def_busy", day)}


def test_the_schedule_asks_for_all_chats_but_paused_ones_whatever_partitions_there_are(
    deployment: Deployment,
) -> None:
    deployment.add_chats("def_news", "@Some_Chat", "what is this", "def_busy")
    for chat in ("def_news", "def_closed", "def_busy"):
        deployment.know(chat)
    with open_identities(deployment.settings) as identities:
        identities.set_paused("def_closed", paused=True)
    evaluate(deployment, datetime(2025, 11, 8, 0, 15, tzinfo=UTC))
    assert asked(deployment) == {("def_busy", "2025-11-07"), ("def_news", "2025-11-07")}


def test_without_chats_the_schedule_says_what_to_do(deployment: Deployment) -> None:
    assert "TELEGRAM_CHATS" in evaluate(deployment, datetime(2025, 11, 8, tzinfo=UTC))
