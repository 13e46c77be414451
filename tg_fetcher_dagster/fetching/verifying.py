"""All that is kept of a day held against itself: read to the last byte, made again, compared.

Asks nobody and changes nothing; what it makes for the comparison is written into a scratch folder.
"""

from datetime import date
from pathlib import Path

from tg_fetcher_dagster.durable_files import sha256_of, storage_failures
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import DayContext
from tg_fetcher_dagster.fetching.replaying import Replayed, replay
from tg_fetcher_dagster.ledger import days as ledger_days
from tg_fetcher_dagster.storage.coverage import OF_THE_FILES, Coverage, read_coverage
from tg_fetcher_dagster.storage.damage import Damage, Part, look
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError

_MAY_DIFFER = frozenset({"final", "lost", "outcome", "event_request", "changes", "needs_read", "sizes"})
"""What of a record a later step may change: a straggler opens a day again, a rebuild tells of it."""


def verify_day(chat: str, day: date, context: DayContext, *, scratch: Path) -> tuple[Damage, ...]:
    """Returns what is wrong with a day's files; nothing where all is well.

    Memory does not grow with the day but for its ids.

    Args:
        chat: the chat's key.
        day: which day.
        context: where it is, and what its messages become now.
        scratch: a folder for what is made; nothing stays in it.

    Raises:
        FetchError: (storage) a file is there and this process may not read it, or the scratch folder is full.
    """
    paths = context.store.day(chat, day)
    coverage = read_coverage(context.ledger, paths)
    found: dict[Part, str] = {}
    if coverage is None and not paths.raw.exists() and (told := _of_unproved(context, paths)) is not None:
        return _day_file_alone(paths, told)
    if coverage is None:
        found[Part.COVERAGE] = "is damaged" if _has_record(context, paths) else "is gone"
    else:
        found |= {damage.part: damage.why for damage in look(paths, coverage)}
    with storage_failures(paths.day_file):
        checksum = sha256_of(paths.day_file)
    if checksum is None:
        found.setdefault(Part.DAY_FILE, "is gone")
    elif coverage is not None and checksum != coverage.checksum_sha256:
        found.setdefault(Part.DAY_FILE, "is not what was recorded: another checksum")
    of_raw = _against_raw(paths, coverage, checksum, context=context, scratch=scratch)
    found = {**of_raw, **found}
    if Part.RAW in of_raw:
        found[Part.RAW] = of_raw[Part.RAW]
    if coverage is not None and coverage.needs_read is not None:
        found.setdefault(Part.RAW, coverage.needs_read)
    return tuple(Damage(part, found[part]) for part in Part if part in found)


def _of_unproved(context: DayContext, paths: DayPaths) -> str | None:
    with context.ledger.read() as connection:
        return ledger_days.checksum_of_unproved(connection, paths.chat, paths.day)


def _day_file_alone(paths: DayPaths, told: str) -> tuple[Damage, ...]:
    """A day that another program wrote has its product, and nothing that it could be held against."""
    with storage_failures(paths.day_file):
        checksum = sha256_of(paths.day_file)
    if checksum == told:
        return ()
    return (Damage(Part.DAY_FILE, "is gone" if checksum is None else "is not what was recorded"),)


def _has_record(context: DayContext, paths: DayPaths) -> bool:
    with context.ledger.read() as connection:
        return ledger_days.coverage_of(connection, paths.chat, paths.day) is not None


def _against_raw(
    paths: DayPaths,
    coverage: Coverage | None,
    checksum: str | None,
    *,
    context: DayContext,
    scratch: Path,
) -> dict[Part, str]:
    """Compares a day's files with those that its raw file gives."""
    try:
        replayed = replay(
            paths.raw,
            paths,
            context.options,
            ledger=context.ledger,
            target=DayPaths(scratch, paths.chat, paths.day),
        )
    except RawFileError as error:
        return {Part.RAW: error.why}
    except FetchError as error:
        if error.error_type is ErrorType.STORAGE:
            raise
        return {Part.RAW: error.message}
    try:
        given = replayed.made.assembled.checksum_sha256
        if coverage is not None and coverage.fetched_at > replayed.coverage.fetched_at:
            return {Part.RAW: "is older than the day that is kept"}
        recorded = coverage.checksum_sha256 if coverage is not None else checksum
        found = _record(coverage, replayed, same_day_file=given == recorded)
        if recorded not in {None, given}:
            # What was recorded may be whole: the settings or the version are others since.
            return {**found, Part.DAY_FILE: "is not what its raw file gives now: tg-fetcher rebuild"}
        return found | _sides(paths, replayed)
    finally:
        replayed.builder.discard()


def _record(coverage: Coverage | None, replayed: Replayed, *, same_day_file: bool) -> dict[Part, str]:
    if coverage is None:
        return {}
    ours, given = coverage.model_dump(), replayed.coverage.model_dump()
    compared = given.keys() - _MAY_DIFFER - replayed.not_told - (set() if same_day_file else OF_THE_FILES)
    differing = sorted(key for key in compared if ours[key] != given[key])
    return {Part.COVERAGE: f"is not what the raw file says: {', '.join(differing)}"} if differing else {}


def _sides(paths: DayPaths, replayed: Replayed) -> dict[Part, str]:
    return dict.fromkeys(replayed.differing_sides(paths), "is not what its raw file gives")
