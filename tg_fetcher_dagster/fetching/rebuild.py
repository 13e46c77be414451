"""Day files made again from their raw files: a new field or a mended mapping costs no request to Telegram."""

import time
from dataclasses import dataclass
from datetime import date

import orjson

from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.fetching.reading_account import reading_account
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage, write_coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.storage.raw_file import read_raw


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    """A day that was made again.

    Attributes:
        changed: the day file's bytes are not the same as before.
    """

    chat: str
    day: date
    checksum_sha256: str
    changed: bool
    duration_seconds: float


def rebuild_day(chat: str, day: date, *, store: Store, options: MappingOptions) -> Rebuilt:
    """Makes the day's files again; the same raw file and options give the same bytes.

    A file that changes is kept under `versions/` first. The coverage is renewed, what was proved of the
    scan stays.

    Raises:
        FetchError: (not_found) the day was never read; (storage) its raw file or the disk is damaged.
    """
    began = time.monotonic()
    paths = store.day(chat, day)
    coverage = read_coverage(paths)
    if coverage is None or not paths.raw.is_file():
        raise FetchError(
            ErrorType.NOT_FOUND, f"{chat} {day}: no raw file to rebuild from; fetch the day first"
        )
    lines = read_raw(paths.raw)
    head = next(lines)
    identity = ChatIdentity.model_validate_json(orjson.dumps(head["identity"]))
    builder = DayBuilder(
        paths=paths,
        identity=identity,
        day=day,
        options=options,
        account_user_id=reading_account(head, paths),
        keep_raw=False,
    )
    try:
        builder.replay(lines)
        finished = builder.finish_rebuilt()
    finally:
        builder.discard()
    renewed = _renewed(coverage, finished.assembled.checksum_sha256, finished.assembled.size_bytes, options)
    tokens = finished.statistics.estimated_tokens_total
    write_coverage(paths, renewed.model_copy(update={"estimated_tokens_total": tokens}))
    return Rebuilt(
        chat=chat,
        day=day,
        checksum_sha256=renewed.checksum_sha256,
        changed=renewed.checksum_sha256 != coverage.checksum_sha256,
        duration_seconds=round(time.monotonic() - began, 3),
    )


def _renewed(coverage: Coverage, checksum: str, size: int, options: MappingOptions) -> Coverage:
    return coverage.model_copy(
        update={
            "checksum_sha256": checksum,
            "size_bytes": size,
            "schema_version": options.schema_version,
            "preprocessing_version": options.preprocessing_version,
        }
    )
