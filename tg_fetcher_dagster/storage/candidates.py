"""Readings that are not believed yet, because too many messages of the kept day are gone from them.

`{chat}/.candidates/{date}.jsonl.zst` is what such a reading gave, `{date}.json` says when it was and what it
lacks. The kept day stays current until a second reading confirms the first one or a person accepts it.
"""

from datetime import datetime, timedelta

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from tg_fetcher_dagster.durable_files import storage_failures, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.paths import DayPaths

log = structlog.get_logger(__name__)


class Candidate(BaseModel):
    """A reading that waits to be confirmed.

    Attributes:
        fetched_at: when it began.
        request_id: on whose behalf: another attempt at the same request is no second reading.
        kept: messages of the day that is kept.
        vanished: those of them that the reading lacks.
        found: messages of the reading.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    fetched_at: AwareDatetime
    request_id: str
    kept: int
    vanished: int
    found: int

    def due(self, confirm_after: timedelta) -> datetime:
        """Returns the moment from which a second reading counts."""
        return self.fetched_at + confirm_after

    def failure(self, paths: DayPaths, confirm_after: timedelta) -> FetchError:
        """Returns how a day that is in doubt fails: what is gone, what stays, what settles it."""
        return FetchError(
            ErrorType.SUSPICIOUS_DELETION,
            f"{paths.chat} {paths.day}: {self.vanished} of {self.kept} messages are gone; the earlier file"
            f" stays until a reading after {self.due(confirm_after):%Y-%m-%d %H:%M} UTC confirms it,"
            f" or: tg-fetcher accept {paths.chat} {paths.day}",
        )


def read_candidate(paths: DayPaths) -> Candidate | None:
    """Returns the day's candidate; None where there is none, or where a part of it is gone or damaged.

    Raises:
        FetchError: (storage) it is there and this process may not read it.
    """
    try:
        candidate = Candidate.model_validate_json(paths.candidate.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read {paths.candidate}: {error.strerror}") from error
    except ValidationError as error:
        log.warning("a candidate is damaged and does not count", path=str(paths.candidate), error=str(error))
        return None
    return candidate if paths.candidate_raw.is_file() else None


def write_candidate(paths: DayPaths, candidate: Candidate) -> None:
    """Keeps what is known of a candidate whose raw file is in its place.

    Raises:
        FetchError: (storage) the disk refused.
    """
    write_whole(paths.candidate, candidate.model_dump_json().encode())


def drop_candidate(paths: DayPaths) -> None:
    """Forgets the day's candidate, if there is one.

    Raises:
        FetchError: (storage) the disk refused.
    """
    with storage_failures(paths.candidate):
        paths.candidate.unlink(missing_ok=True)
        paths.candidate_raw.unlink(missing_ok=True)
