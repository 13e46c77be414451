"""Writes one day of one chat: raw file, side files, day file, each whole or not at all.

The order makes a kill at any line safe: everything is written and synced under drafts' names, then renamed,
raw file first and day file last. The caller then records the event and last of all the coverage. A day
that is not in the coverage was never told of, so the next fetch of it says "new" or "changed" again even
where the files are already there.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Self

import orjson
import structlog

from tg_fetcher_dagster.storage.changes import MESSAGES_BEGIN, Changes, compare
from tg_fetcher_dagster.storage.coverage import Outcome, read_coverage, write_coverage
from tg_fetcher_dagster.storage.durable import (
    CHUNK,
    Draft,
    exclusive,
    make_folder,
    remove_leftovers,
    sha256_of,
    storage_failures,
    sync_folder,
)
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawWriter
from tg_fetcher_dagster.storage.versions import keep_version, version_with

log = structlog.get_logger(__name__)

BODY_IN_MEMORY = 4 * 1024 * 1024
"""Bytes of messages up to which a day stays in memory until it is assembled; a bigger one uses a draft."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """The day file as it will be.

    Attributes:
        checksum_sha256: of all its bytes, in hex.
        size_bytes: how many they are.
    """

    checksum_sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Published:
    """What the fetch of the day found.

    Attributes:
        outcome: against what consumers were told last (the coverage's checksum), else against the file.
        changes: only for `changed`; None also where the earlier file could not be compared.
    """

    outcome: Outcome
    changes: Changes | None


class DayWriter:
    """One day on its way to its files; use it as a context manager, so that a failure leaves nothing behind.

    Memory does not grow with the day. Every method raises FetchError (storage) where the disk refuses.

    Args:
        paths: the day's files.
        keep_raw: False where the day is made again from its raw file, which then stays as it is.

    Example:
        with DayWriter(store.day("ru_python", day)) as writer:
            writer.write_raw(line)
            writer.write_message(body)
            assembled = writer.assemble(version="1.0", timezone="UTC", source_info=source, senders=names)
            published = writer.publish(summary=summary, threads=threads, participants=participants)
    """

    def __init__(self, paths: DayPaths, *, keep_raw: bool = True) -> None:
        self._paths = paths
        self._day_file: Draft | None = None
        self._assembled: Assembled | None = None
        self._body = bytearray()
        self._spilled: Draft | None = None
        self._messages = 0
        with storage_failures(paths.folder):
            make_folder(paths.raw.parent)
            for folder in (paths.folder, paths.raw.parent, paths.coverage.parent, paths.versions):
                remove_leftovers(folder, "" if folder == paths.versions else paths.day.isoformat())
        self._raw = RawWriter(paths.raw) if keep_raw else None

    def write_raw(self, line: bytes) -> None:
        """Takes one line of the raw file, without its newline; nothing where the raw file stays."""
        if self._raw is not None:
            self._raw.write(line)

    def write_message(self, body: bytes) -> None:
        """Takes the next message's JSON, newest first."""
        self._body += b",\n" if self._messages else b"\n"
        self._body += body
        self._messages += 1
        if len(self._body) >= BODY_IN_MEMORY:
            with storage_failures(self._paths.day_file):
                if self._spilled is None:
                    self._spilled = Draft(self._paths.day_file.with_suffix(".body"))
                self._spilled.file.write(self._body)
            self._body.clear()

    def assemble(
        self, *, version: str, timezone: str, source_info: dict[str, Any], senders: dict[str, str]
    ) -> Assembled:
        """Composes the day file from its head and the messages taken so far; nothing is visible yet."""
        head = orjson.dumps(
            {"version": version, "timezone": timezone, "source_info": source_info, "senders": senders}
        )
        begin = head[:-1] + b"," + MESSAGES_BEGIN
        end = b"\n]}" if self._messages else b"]}"
        digest = hashlib.sha256()
        size = 0
        with storage_failures(self._paths.day_file):
            self._day_file = Draft(self._paths.day_file)
            for part in chain((begin,), self._body_parts(), (end,)):
                size += self._day_file.file.write(part)
                digest.update(part)
            self._day_file.seal()
        self._drop_body()
        self._assembled = Assembled(digest.hexdigest(), size)
        return self._assembled

    def publish(
        self, *, summary: bytes, threads: bytes, participants: bytes, keep_replaced: bool = True
    ) -> Published:
        """Puts all files of the day in their places.

        A day file with the same checksum stays as it is, with its time; one that differs is first kept
        under `versions/`, with its raw file.

        Args:
            summary: the side file that carries the checksum `assemble` gave.
            threads: the side file of replies.
            participants: the side file of senders.
            keep_replaced: False where what is replaced is worth nothing, as an unfinished day's file.
        """
        if self._day_file is None or self._assembled is None:
            raise RuntimeError("publish comes after assemble")
        sides = {
            self._paths.summary: summary,
            self._paths.threads: threads,
            self._paths.participants: participants,
        }
        if self._raw is not None:
            self._raw.seal()
        with ExitStack() as drafts, storage_failures(self._paths.folder):
            drafts.enter_context(exclusive(self._paths.lock))
            present = sha256_of(self._paths.day_file)
            ready = [_sealed(path, content, drafts) for path, content in sides.items()]
            published = self._compared_with(present)
            replaces = present != self._assembled.checksum_sha256
            if present is not None and replaces:
                self._before_replacing(present, keep=keep_replaced)
            if self._raw is not None:
                self._raw.publish()
                sync_folder(self._paths.raw.parent)
            for draft in ready:
                draft.publish()
            if replaces:
                self._day_file.publish()
            sync_folder(self._paths.folder)
        return published

    def discard(self) -> None:
        """Leaves nothing behind of what was not published; may be called at any time and again."""
        if self._raw is not None:
            self._raw.discard()
        self._drop_body()
        if self._day_file is not None:
            self._day_file.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def _compared_with(self, present: str | None) -> Published:
        if self._assembled is None or self._day_file is None or present is None:
            return Published("new", None)
        told = read_coverage(self._paths)
        if present == self._assembled.checksum_sha256:
            if told is None:
                return Published("new", None)
            if told.checksum_sha256 == present:
                return Published("unchanged", None)
        # Killed after an earlier content was replaced and before that was told: compare with what was told.
        before = version_with(self._paths, told.checksum_sha256) if told else None
        return Published("changed", _changes(before or self._paths.day_file, self._day_file.path))

    def _before_replacing(self, present: str, *, keep: bool) -> None:
        if keep:
            keep_version(self._paths, present)
        told = read_coverage(self._paths)
        if told is not None and told.final:
            # From the first rename until the caller's coverage the files are not what the old one proves.
            write_coverage(self._paths, told.model_copy(update={"final": False}))

    def _body_parts(self) -> Iterator[bytes | bytearray]:
        if self._spilled is not None:
            self._spilled.file.flush()
            with self._spilled.path.open("rb") as body:
                while part := body.read(CHUNK):
                    yield part
        yield self._body

    def _drop_body(self) -> None:
        self._body = bytearray()
        if self._spilled is not None:
            self._spilled.discard()
            self._spilled = None


def _sealed(path: Path, content: bytes, drafts: ExitStack) -> Draft:
    draft = drafts.enter_context(Draft(path))
    draft.file.write(content)
    draft.seal()
    return draft


def _changes(before: Path, after: Path) -> Changes | None:
    try:
        return compare(before, after)
    except (ValueError, OSError) as error:
        log.warning("the earlier day file cannot be compared, it is kept", path=str(before), error=str(error))
        return None
