"""The raw file: what Telegram gave, as JSON lines in one zstd stream.

The first line has the kind `day`, the last one `end`; a file without its `end` was torn and is never taken
for a whole day.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import zstandard

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.durable import CHUNK, Draft, make_folder, storage_failures

RAW_FORMAT = 1
"""Of the lines in the raw file; stands in its first line."""
_LEVEL = 3


class RawWriter:
    """Writes one raw file; nothing is visible under its name before `publish`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with storage_failures(path):
            make_folder(path.parent)
            self._draft = Draft(path)
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

    def seal(self) -> None:
        """Ends the stream and makes it durable under the draft's name."""
        with storage_failures(self._path):
            self._stream.write(self._lines)
            self._lines.clear()
            self._stream.flush(zstandard.FLUSH_FRAME)
            self._draft.seal()

    def publish(self) -> None:
        """Puts the sealed file in its place."""
        with storage_failures(self._path):
            self._draft.publish()

    def discard(self) -> None:
        """Leaves nothing behind; after `publish` it does nothing."""
        self._draft.discard()


def read_raw(path: Path) -> Iterator[dict[str, Any]]:
    """Yields a raw file's records in the order of the file, one in memory at a time.

    Raises:
        FetchError: (storage) there is no such file, or it is torn or damaged; that may show only after
            records were yielded.
    """
    kind = None
    try:
        with (
            path.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as stream,
        ):
            for line in io.BufferedReader(stream, buffer_size=CHUNK):
                record = orjson.loads(line)
                if kind is None:
                    _check_first(path, record)
                elif kind == "end":
                    raise FetchError(ErrorType.STORAGE, f"raw file {path} goes on after its end")
                kind = record["kind"]
                yield record
    except OSError as error:
        raise FetchError(ErrorType.STORAGE, f"cannot read raw file {path}: {error.strerror}") from error
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise FetchError(ErrorType.STORAGE, f"raw file {path} is damaged: {error}") from error
    if kind != "end":
        raise FetchError(
            ErrorType.STORAGE, f"raw file {path} is torn, its end is missing: fetch the day again"
        )


def _check_first(path: Path, record: dict[str, Any]) -> None:
    if record["kind"] != "day":
        raise FetchError(ErrorType.STORAGE, f"raw file {path} does not begin with its day")
    if record["format"] != RAW_FORMAT:
        raise FetchError(
            ErrorType.VALIDATION,
            f"raw file {path} has format {record['format']!r} and this version reads {RAW_FORMAT}",
        )
