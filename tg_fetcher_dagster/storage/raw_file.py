"""The raw file: what Telegram gave, as JSON lines in one zstd stream.

The first line has the kind `day`, the last one `end`; a file without its `end` was torn and is never taken
for a whole day.
"""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import zstandard

from tg_fetcher_dagster.durable_files import CHUNK, Draft, storage_failures
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.folders import make_folder

RAW_FORMAT = 1
"""Of the lines in the raw file; stands in its first line."""
_LEVEL = 3
_PART = 32 * 1024
"""Bytes that are decompressed at a time: a part may become many times as long."""


class NewRaw:
    """A raw file on its way to its place; nothing is visible before `publish`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_failures(path):
            make_folder(path.parent)
            self._draft = Draft(path)

    def seal(self) -> int:
        """Makes it durable under the draft's name; returns its size in bytes."""
        with storage_failures(self._path):
            self._draft.seal()
            return os.fstat(self._draft.file.fileno()).st_size

    @property
    def draft(self) -> Path:
        """Where it is until it is in its place."""
        return self._draft.path

    def release(self) -> None:
        """Leaves the sealed file to whoever puts it in its place."""
        self._draft.release()

    def publish(self, path: Path | None = None) -> None:
        """Puts the sealed file in its place, or in another one on the same disk."""
        with storage_failures(path or self._path):
            self._draft.publish(path)

    def discard(self) -> None:
        """Leaves nothing behind; after `publish` it does nothing."""
        self._draft.discard()


class RawWriter(NewRaw):
    """A raw file that is written line by line."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        compressor = zstandard.ZstdCompressor(level=_LEVEL, threads=1, write_checksum=True)
        self._stream = compressor.stream_writer(self._draft.file, closefd=False)
        self._lines = bytearray()

    def write(self, line: bytes) -> None:
        """Takes one JSON line, without its newline.

        Raises:
            FetchError: (storage) the disk refused.
        """
        lines = self._lines
        lines += line
        lines += b"\n"
        if len(lines) >= CHUNK:
            with storage_failures(self._path):
                self._stream.write(lines)
            lines.clear()

    def seal(self) -> int:
        """Ends the stream and makes it durable under the draft's name; returns its size in bytes."""
        with storage_failures(self._path):
            self._stream.write(self._lines)
            self._lines.clear()
            self._stream.flush(zstandard.FLUSH_FRAME)
        return super().seal()


class RawCopy(NewRaw):
    """A raw file that stands elsewhere and shall become the day's; what it is made of stays."""

    def __init__(self, source: Path, path: Path) -> None:
        super().__init__(path)
        self._source = source

    def seal(self) -> int:
        """Copies it durably under the draft's name; returns its size in bytes."""
        with storage_failures(self._path), self._source.open("rb") as source:
            shutil.copyfileobj(source, self._draft.file, CHUNK)
        return super().seal()


class RawFileError(FetchError):
    """A raw file that is gone, torn or damaged: what it held can only be read again.

    Attributes:
        why: a few words that follow `raw file`, such as `is gone`.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(ErrorType.STORAGE, f"raw file {path} {why}: the day must be fetched")
        self.why = why


def read_raw(path: Path) -> Iterator[dict[str, Any]]:
    """Yields a raw file's records in the order of the file, one in memory at a time.

    Raises:
        RawFileError: there is no such file, or it is torn or damaged; that may show only after records were
            yielded.
        FetchError: (storage) this process may not read it; (validation) it is of another format.
    """
    kind = None
    try:
        with path.open("rb") as file:
            for line in _lines(path, file):
                record = orjson.loads(line)
                if kind is None:
                    _check_first(path, record)
                elif kind == "end":
                    raise RawFileError(path, "goes on after its end")
                kind = record["kind"]
                yield record
    except FileNotFoundError:
        raise RawFileError(path, "is gone") from None
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read raw file {path}: {error.strerror}") from error
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RawFileError(path, f"is damaged ({error})") from error
    if kind != "end":
        raise RawFileError(path, "is torn, its end is missing")


def _lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines; the stream's own checksum must have come and be right at the end."""
    stream = zstandard.ZstdDecompressor().decompressobj()
    rest = b""
    while not stream.eof and (part := file.read(_PART)):
        *lines, rest = (rest + stream.decompress(part)).split(b"\n")
        yield from lines
    if not stream.eof:
        raise RawFileError(path, "is torn, its end is missing")
    if stream.unused_data or file.read(1):
        raise RawFileError(path, "goes on after its end")
    if rest:
        yield rest


def instant_of(path: Path) -> datetime | None:
    """Returns when the reading that a raw file holds began; None where the file does not say so."""
    try:
        return datetime.fromisoformat(next(read_raw(path))["fetched_at"])
    except (FetchError, KeyError, TypeError, ValueError):
        return None


def message_ids(path: Path) -> frozenset[int]:
    """Returns the ids of a raw file's messages, comments not counted; raises what `read_raw` raises."""
    try:
        return frozenset(int(line["value"]["id"]) for line in read_raw(path) if line["kind"] == "message")
    except (KeyError, TypeError, ValueError) as error:
        raise RawFileError(path, f"is damaged ({error!r})") from error


def _check_first(path: Path, record: dict[str, Any]) -> None:
    if record["kind"] != "day":
        raise RawFileError(path, "does not begin with its day")
    if record["format"] != RAW_FORMAT:
        raise FetchError(
            ErrorType.VALIDATION,
            f"raw file {path} has format {record['format']!r} and this version reads {RAW_FORMAT}",
        )
