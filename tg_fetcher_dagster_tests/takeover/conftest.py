"""What the last version before the ledger left, frozen: DATA_DIR, SESSION_DIR and Redis in mid-work.

`before_ledger.tar.xz` was written by that version itself: its demo's chats, of which three days were kept; a
range of which one day was skipped and one has failed, and a single day that was merged into it; a command of
a chat that nobody knows, and one that is no JSON; dead letters, a flood, a quarantine, a removed chat.
"""

import base64
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings

ARCHIVE = Path(__file__).with_name("before_ledger.tar.xz")


@dataclass(frozen=True, kw_only=True)
class Before:
    """An old deployment."""

    settings: Settings
    url: str

    @property
    def data(self) -> Path:
        return self.settings.data_dir

    def ledger(self) -> Ledger:
        return Ledger.open(self.url)


def fill_redis(client: redis.Redis, dump: dict[str, dict[str, dict[str, str] | list[str]]]) -> None:
    """Puts what the old version left into an empty Redis."""
    for key, entries in dump["lists"].items():
        client.rpush(key, *(base64.b64decode(entry) for entry in entries))
    for key, fields in dump["hashes"].items():
        client.hset(key, mapping=fields)
    for key, scores in dump["sorted_sets"].items():
        client.zadd(key, scores)


@pytest.fixture
def before(
    tmp_path: Path,
    new_ledger: Callable[[], str],
    redis_client: redis.Redis,
    redis_url: str,
) -> Before:
    """The old deployment, and an empty ledger beside it."""
    return unpacked(tmp_path / "old", new_ledger(), redis_client, redis_url)


def unpacked(folder: Path, url: str, client: redis.Redis, address: str) -> Before:
    """Unpacks the old deployment into a folder and an emptied Redis."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    client.flushall()
    fill_redis(client, json.loads((folder / "redis.json").read_text()))
    settings = Settings.read(
        data_dir=folder / "data", session_dir=folder / "sessions", redis_url=address, ledger_url=url
    )
    return Before(settings=settings, url=url)
