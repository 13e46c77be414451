"""A day file in the making: its messages come first, its head last, and memory does not grow with it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.durable_files import CHUNK, Draft, storage_failures
from tg_fetcher_dagster.storage.changes import MESSAGES_BEGIN

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


class DayDraft:
    """One day file on its way to its place. Its methods raise FetchError (storage) where the disk refuses."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._whole: Draft | None = None
        self._body = bytearray()
        self._spilled: Draft | None = None
        self._messages = 0

    def write_message(self, body: bytes) -> None:
        """Takes the next message's JSON, newest first."""
        self._body += b",\n" if self._messages else b"\n"
        self._body += body
        self._messages += 1
        if len(self._body) >= BODY_IN_MEMORY:
            with storage_failures(self._target):
                if self._spilled is None:
                    self._spilled = Draft(self._target.with_suffix(".body"))
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
        with storage_failures(self._target):
            self._whole = Draft(self._target)
            for part in chain((begin,), self._body_parts(), (end,)):
                size += self._whole.file.write(part)
                digest.update(part)
            self._whole.file.flush()
        self._drop_body()
        return Assembled(digest.hexdigest(), size)

    @property
    def path(self) -> Path:
        """Where the assembled file can be read before it is in its place."""
        return self._assembled().path

    def seal(self) -> None:
        """Makes the assembled file durable under the draft's name."""
        with storage_failures(self._target):
            self._assembled().seal()

    def release(self) -> None:
        """Leaves the sealed file to whoever puts it in its place."""
        self._assembled().release()

    def discard(self) -> None:
        """Leaves nothing behind of what was not published; may be called at any time and again."""
        self._drop_body()
        if self._whole is not None:
            self._whole.discard()

    def _assembled(self) -> Draft:
        if self._whole is None:
            raise RuntimeError("a day file is assembled first")
        return self._whole

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
