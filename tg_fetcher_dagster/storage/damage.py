"""What a look at a day's files finds: some are gone, or are of another size than when they were written.

A file is looked at and never opened, so this is cheap enough for every fetch and for `status`. A byte that
flipped is found by `tg-fetcher verify` only.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import DayPaths


class Part(StrEnum):
    """A file of a day, by the name that a person reads."""

    DAY_FILE = "day file"
    SUMMARY = "summary"
    THREADS = "threads"
    PARTICIPANTS = "participants"
    RAW = "raw file"
    COVERAGE = "coverage"


@dataclass(frozen=True, slots=True)
class Damage:
    """One file of a day that is not what it should be.

    Attributes:
        why: a few words, such as `is gone`.
    """

    part: Part
    why: str

    def __str__(self) -> str:
        return f"{self.part} {self.why}"


def look(paths: DayPaths, coverage: Coverage) -> tuple[Damage, ...]:
    """Returns which files of a day are gone or of another size; one `stat` each."""
    sizes = coverage.sizes
    expected = (
        (Part.DAY_FILE, paths.day_file, coverage.size_bytes),
        (Part.SUMMARY, paths.summary, sizes.summary if sizes else None),
        (Part.THREADS, paths.threads, sizes.threads if sizes else None),
        (Part.PARTICIPANTS, paths.participants, sizes.participants if sizes else None),
        (Part.RAW, paths.raw, sizes.raw if sizes else None),
    )
    found = ((part, _fault(path, size)) for part, path, size in expected)
    return tuple(Damage(part, why) for part, why in found if why)


def _fault(path: Path, size: int | None) -> str | None:
    try:
        there = path.stat().st_size
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    return f"has {there} bytes instead of {size}" if size not in {None, there} else None
