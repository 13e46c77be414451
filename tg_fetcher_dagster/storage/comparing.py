"""What a new reading of a day is against what is kept of it and against what consumers were told."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from tg_fetcher_dagster.durable_files import sha256_of
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.storage.changes import Changes, compare, ids_of
from tg_fetcher_dagster.storage.coverage import Coverage, Outcome
from tg_fetcher_dagster.storage.day_draft import Assembled
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import message_ids
from tg_fetcher_dagster.storage.versions import version_with

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A new reading against the kept one.

    Attributes:
        outcome: against what consumers were told last (the coverage's checksum), else against the file.
        changes: against the same; None where nothing was told, or where it could not be compared.
        replaces: the day file's bytes will be others than they are.
        present: the SHA-256 of the day file that is there; None where there is none.
        kept: messages of the kept day.
        vanished: ids of the kept day that the new reading lacks; as many nameless ones (0) where only the
            record's count is left of it.
    """

    outcome: Outcome
    changes: Changes | None
    replaces: bool
    present: str | None
    kept: int = 0
    vanished: tuple[int, ...] = ()


def held_against(paths: DayPaths, told: Coverage | None, draft: Path, made: Assembled) -> Found:
    """Compares an assembled day file with what is there; the chat's lock must be held.

    Args:
        paths: where the day is.
        told: what is proved of it, and what consumers were told.
        draft: the new day file, not yet in its place.
        made: its checksum.

    Raises:
        OSError: the day file is there and cannot be read.
    """
    present = sha256_of(paths.day_file)
    replaces = present != made.checksum_sha256
    if told is not None and told.checksum_sha256 == made.checksum_sha256:
        return Found(outcome="unchanged", changes=Changes(), replaces=replaces, present=present)
    if told is None and (present is None or not replaces):
        return Found(outcome="new", changes=None, replaces=replaces, present=present)
    # Killed after an earlier content was replaced and before that was told: compare with what was told.
    version = version_with(paths, told.checksum_sha256) if told and told.checksum_sha256 != present else None
    changes = _changes(version or paths.day_file, draft) if version or present else None
    is_what_was_told = version is None and (told is None or told.checksum_sha256 == present)
    kept: int = 0
    vanished: tuple[int, ...] = ()
    if replaces and changes is not None and is_what_was_told:
        kept, vanished = changes.before, changes.deleted
    elif replaces:
        kept, vanished = _lacks(paths, told, draft)
    return Found(
        outcome="changed", changes=changes, replaces=replaces, present=present, kept=kept, vanished=vanished
    )


def _lacks(paths: DayPaths, told: Coverage | None, draft: Path) -> tuple[int, tuple[int, ...]]:
    """The same where the day file is not what was told: all that is left of the kept day counts."""
    there = ids_of(draft)
    kept = _ids_left(paths)
    if kept:
        return len(kept), tuple(sorted(kept - there, reverse=True))
    count = told.message_count if told else 0
    return count, (0,) * (count - len(there))


def _ids_left(paths: DayPaths) -> frozenset[int]:
    found: frozenset[int] = frozenset()
    try:
        found |= ids_of(paths.day_file)
    except (ValueError, OSError) as error:
        log.warning("the kept day file cannot be compared", path=str(paths.day_file), error=str(error))
    try:
        found |= message_ids(paths.raw)
    except FetchError as error:
        log.warning("the kept raw file cannot be compared", path=str(paths.raw), error=error.message)
    return found


def _changes(before: Path, after: Path) -> Changes | None:
    try:
        return compare(before, after)
    except (ValueError, OSError) as error:
        log.warning("the earlier day file cannot be compared, it is kept", path=str(before), error=str(error))
        return None
