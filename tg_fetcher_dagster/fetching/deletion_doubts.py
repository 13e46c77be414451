"""Whether a reading may take the kept day's place: by its instant, and by what it lacks.

See docs/files.md, "When a reading is not believed".
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.candidates import Candidate, drop_candidate, read_candidate
from tg_fetcher_dagster.storage.changes import ids_of
from tg_fetcher_dagster.storage.comparing import Found
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.deletions import DeletionRule
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError, instant_of, message_ids

log = structlog.get_logger(__name__)


def newer_in_place(
    paths: DayPaths, before: Coverage | None, mine: Coverage, *, now: datetime
) -> Coverage | None:
    """Returns the record in place where its reading began after this one; the chat's lock must be held.

    What a limit has cut gives way to a whole reading, whichever began first. A record from the future was
    made by a wrong clock and does not count.

    Raises:
        FetchError: (storage) a newer reading is in place without its record: its process was killed.
    """
    if before is not None and mine.fetched_at < before.fetched_at <= now:
        return None if before.limit is not None and mine.limit is None else before
    instant = instant_of(paths.raw)
    if instant is not None and mine.fetched_at < instant <= now:
        raise FetchError(
            ErrorType.STORAGE,
            f"{paths.chat} {paths.day}: a newer reading was interrupted while it was kept; fetch it again",
        )
    return None


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A reading that is not believed.

    Attributes:
        candidate: the reading that waits to be confirmed.
        is_first: that is this one; otherwise an earlier one stays as it was.
    """

    candidate: Candidate
    is_first: bool


def doubt_of(
    paths: DayPaths,
    mine: Coverage,
    found: Found,
    *,
    before: Coverage | None,
    draft: Path,
    rule: DeletionRule,
) -> Doubt | None:
    """Returns why a reading is not believed; None where it is. The chat's lock must be held.

    A second reading, late enough, confirms the first one unless it lacks as much again of what that one had.

    Args:
        paths: where the day is.
        mine: what the reading proves.
        found: the reading against the kept day.
        before: what is proved of the kept day.
        draft: the reading's day file, not yet in its place.
        rule: how much may vanish at once.

    Raises:
        FetchError: (storage) the candidate cannot be read.
    """
    if mine.limit is not None or (before is not None and before.limit is not None):
        return None
    if not rule.doubts(kept=found.kept, vanished=len(found.vanished), found=mine.message_count):
        return None
    this = Candidate(
        fetched_at=mine.fetched_at,
        request_id=mine.event_request or "",
        kept=found.kept,
        vanished=len(found.vanished),
        found=mine.message_count,
    )
    earlier = read_candidate(paths)
    if earlier is not None and mine.fetched_at < earlier.due(rule.confirm_after):
        return Doubt(candidate=earlier, is_first=False)
    if earlier is not None and _confirms(paths, mine, draft=draft, rule=rule):
        return None
    return Doubt(candidate=this, is_first=True)


def _confirms(paths: DayPaths, mine: Coverage, *, draft: Path, rule: DeletionRule) -> bool:
    """Whether a reading still has what the first one had."""
    try:
        seen = message_ids(paths.candidate_raw)
    except RawFileError as error:
        log.warning("the first reading cannot be compared, the second takes its place", error=error.message)
        return False
    lacks = seen - ids_of(draft)
    return not rule.doubts(kept=len(seen), vanished=len(lacks), found=mine.message_count)


def drop_what_was_answered(paths: DayPaths, mine: Coverage) -> None:
    """Forgets a candidate that a later, whole reading has confirmed or refuted.

    Raises:
        FetchError: (storage) the disk refused.
    """
    candidate = read_candidate(paths)
    if candidate is not None and mine.limit is None and candidate.fetched_at <= mine.fetched_at:
        drop_candidate(paths)
