"""The disk, as the monitor sees it: what is free where, and the commands that wait as files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import file_of
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.families import Shown, gauge_families, text_of
from tg_fetcher_dagster.monitoring.reader import Reading
from tg_fetcher_dagster.requests.spool import oldest_in
from tg_fetcher_dagster.settings import Settings

EVERY: Final = 10.0

HOME: Final = "DAGSTER_HOME"


@dataclass(frozen=True, slots=True)
class Space:
    """The file system of a folder, in bytes; `free` is what others than root may take."""

    free: int
    size: int
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFacts:
    """The disk at one moment.

    Attributes:
        spaces: by what lies there: `data`, `ledger` (SQLite), `dagster`.
        spooled: commands that wait in the spool folder.
        oldest_at: when the first of them was put there, seconds since 1970; None where none waits.
    """

    spaces: Mapping[str, Space] = field(default_factory=dict)
    spooled: int = 0
    oldest_at: float | None = None


def read_disk(settings: Settings) -> Reading[DiskFacts]:
    """Looks once.

    Raises:
        FetchError: (storage) a folder is not there, or cannot be looked at.
    """
    spaces = {name: _space(folder) for name, folder in _folders(settings).items()}
    spooled, oldest_at = oldest_in(settings.data_dir)
    gauges = [
        each
        for name, space in spaces.items()
        for each in (
            Shown(shown.DISK_FREE, space.free, (name,)),
            Shown(shown.DISK_SIZE, space.size, (name,)),
        )
    ]
    facts = DiskFacts(spaces=spaces, spooled=spooled, oldest_at=oldest_at)
    return Reading(facts, text_of(gauge_families(gauges)))


def _folders(settings: Settings) -> dict[str, Path]:
    folders = {"data": settings.data_dir}
    ledger = file_of(settings.ledger_location)
    if ledger is not None:
        folders["ledger"] = ledger.parent
    if home := os.environ.get(HOME):
        folders["dagster"] = Path(home)
    return folders


def _space(folder: Path) -> Space:
    try:
        found = os.statvfs(folder)
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"{folder} cannot be looked at: {error.strerror}") from error
    return Space(
        free=found.f_bavail * found.f_frsize,
        size=found.f_blocks * found.f_frsize,
        read_only=bool(found.f_flag & os.ST_RDONLY),
    )
