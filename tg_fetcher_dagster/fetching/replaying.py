"""A day made from a raw file: its files, and what the file says of its reading. Nothing becomes visible."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.fetching.day_record import NOT_IN_OLDER_FILES, reading_in
from tg_fetcher_dagster.fetching.made_day import MadeDay
from tg_fetcher_dagster.fetching.missing_parts import without_unmapped
from tg_fetcher_dagster.fetching.reading_account import reading_account
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.damage import Part
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError, read_raw


@dataclass(kw_only=True)
class Replayed:
    """A day that was made from a raw file.

    Attributes:
        builder: holds the files; to be published or discarded by whoever asked.
        made: the files as they will be.
        coverage: what the raw file proves, as if the day had just been read and nobody been told.
        not_told: keys of the coverage that the raw file, an older one, says nothing of.
    """

    builder: DayBuilder
    made: MadeDay
    coverage: Coverage
    not_told: frozenset[str]

    def differing_sides(self, paths: DayPaths) -> list[Part]:
        """Returns the side files of a day whose bytes are not what they will be, those that are gone, too."""
        parts = {
            paths.summary: Part.SUMMARY,
            paths.threads: Part.THREADS,
            paths.participants: Part.PARTICIPANTS,
        }
        contents = self.made.sides.by_path(paths)
        return [part for path, part in parts.items() if _bytes(path) != contents[path]]


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


@dataclass
class _Seen:
    """What of the lines that went past is needed for the record."""

    end: dict[str, Any] = field(default_factory=dict)
    unavailable: list[tuple[int, str]] = field(default_factory=list)

    def watch(self, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for line in lines:
            if line["kind"] == "comments" and line["outcome"] != "read":
                self.unavailable.append((line["post_id"], line["reason"] or "unknown"))
            elif line["kind"] == "end":
                self.end = line
            yield line


def replay(
    raw: Path,
    paths: DayPaths,
    options: MappingOptions,
    *,
    ledger: Ledger,
    target: DayPaths | None = None,
    adopt: bool = False,
) -> Replayed:
    """Makes a day's files from a raw file; the same file and options give the same bytes.

    Args:
        raw: the raw file.
        paths: whose chat and day it must be of.
        options: what the messages become.
        ledger: says which drafts of dead processes are still to be put in their places.
        target: where the drafts are written, if not beside the day's own files.
        adopt: the raw file stands elsewhere and shall become the day's.

    Raises:
        RawFileError: the raw file is gone, torn, damaged, or another day's.
        FetchError: (storage) the disk refused; (internal) it holds what this version cannot read.
    """
    lines = read_raw(raw)
    seen = _Seen()
    with ExitStack() as undo:
        try:
            head = _own_head(next(lines), raw, paths)
            builder = DayBuilder(
                paths=target or paths,
                identity=ChatIdentity.model_validate_json(orjson.dumps(head["identity"])),
                day=paths.day,
                options=options,
                account_user_id=reading_account(head, raw, paths),
                keep_raw=False,
                raw_from=raw if adopt else None,
                ledger=ledger,
            )
            undo.callback(builder.discard)
            builder.replay(seen.watch(lines))
            made = builder.assemble()
            reading = reading_in(head, seen.end, seen.unavailable)
            files = made.facts(options)
            coverage = Coverage.model_validate({**reading, **files, "outcome": "new"})
            lost = (*without_unmapped(coverage.lost), *builder.unmapped)
            coverage = coverage.model_copy(update={"lost": lost})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # Its checksum is right and its lines are JSON: to read the day again would not help.
            raise FetchError(
                ErrorType.INTERNAL, f"raw file {raw} cannot be made into a day: {error!r}"
            ) from error
        undo.pop_all()
    not_told = frozenset() if "reading" in seen.end else NOT_IN_OLDER_FILES
    return Replayed(builder=builder, made=made, coverage=coverage, not_told=not_told)


def _own_head(head: dict[str, Any], raw: Path, paths: DayPaths) -> dict[str, Any]:
    """Returns a raw file's first record where it is this day's."""
    if (head["chat"], head["date"]) != (paths.chat, paths.day.isoformat()):
        raise RawFileError(raw, f"is that of {head['chat']} {head['date']}")
    return head
