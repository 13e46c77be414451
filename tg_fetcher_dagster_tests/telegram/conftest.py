"""A small world over TCP, and the account that reads it."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram import client, connections

DAYS = {"from": "2025-11-05", "to": "2025-11-08"}

WORLD: dict[str, Any] = {
    "seed": 7,
    "days": DAYS,
    "people": 20,
    "accounts": [
        {"name": "main", "phone": "+15550001001", "code": "12345"},
        {"name": "guarded", "phone": "+15550001002", "code": "54321", "password": "corr3ct horse"},
    ],
    "users": {"friend": {"id": 4242, "first_name": "Fred", "username": "fred_the_friend"}},
    "chats": {
        "news": {
            "type": "channel",
            "username": "Daily_News",
            "messages_per_day": 12,
            "comments": {"share": 0.6, "most": 5},
            "discussion": {"messages_per_day": 3},
        },
        "talk": {"type": "supergroup", "username": "Busy_Talk", "messages_per_day": 130},
        "forum": {"type": "supergroup", "messages_per_day": 20, "topics": ["one", "two"], "id": 7001},
        "club": {"type": "group", "messages_per_day": 15, "id": 501},
        "friend": {"type": "private", "with": "friend", "messages_per_day": 9},
        "hidden": {"type": "channel", "messages_per_day": 6, "id": 7002},
        "closed": {"type": "channel", "username": "closed_doors", "messages_per_day": 3, "no_access": True},
        "moved": {
            "type": "supergroup",
            "username": "moved_house",
            "messages_per_day": 8,
            "migrated_from": {"days": {"from": "2025-11-01", "to": "2025-11-04"}, "messages_per_day": 5},
        },
    },
}


@pytest.fixture
def sandbox(telegram_sandbox: Any) -> Any:
    return telegram_sandbox(WORLD)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.read(
        session_dir=tmp_path / "sessions",
        data_dir=tmp_path / "data",
        rate_limit_calls_per_sec=100_000,
        telegram_api_id=None,
        telegram_api_hash=None,
        telegram_dc=None,
        session_key=None,
    )


@pytest.fixture
def account(sandbox: Any, settings: Settings) -> AccountStore:
    """The account `main`, signed in."""
    store = AccountStore(settings.session_dir)
    store.save("main", sandbox.session)
    return store


@pytest.fixture
def restrictions(settings: Settings) -> Iterator[Restrictions]:
    """What keeps the account `main` from being used."""
    with Ledger.open(settings.ledger_location) as ledger:
        yield Restrictions(ledger, "main")


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(connections, "BACKOFF_SECONDS", 0.01)


def day_bounds(day: str, days: int = 1) -> tuple[datetime, datetime]:
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return start, start + timedelta(days=days)


def methods(sandbox: Any, method: str) -> list[dict[str, Any]]:
    """The requests of one method that the sandbox answered."""
    return [record for record in sandbox.requests if record["method"] == method]
