"""Reads day files back, a line at a time: memory does not grow with the day."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.storage.changes import MESSAGES_BEGIN


def read_head(path: Path) -> dict[str, Any]:
    """Returns what stands before the messages: `version`, `timezone`, `source_info`, `senders`.

    Raises:
        ValueError: it is no day file.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head, begin, _ = file.readline().partition(MESSAGES_BEGIN)
    if not begin:
        raise ValueError(f"{path} is no day file: its first line has no messages")
    value = orjson.loads(head.rstrip().rstrip(b",") + b"}")
    if not isinstance(value, dict):
        raise TypeError(f"{path} is no day file: its head is no object")
    return value


def message_lines(path: Path) -> Iterator[bytes]:
    """Yields each message's JSON, newest first.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        file.readline()
        for line in file:
            body = line.strip().rstrip(b",")
            if body.startswith(b"{"):
                yield body


def message_ids(path: Path) -> frozenset[int]:
    """Returns the ids of a day's messages; none where there is no such file."""
    try:
        return frozenset(int(orjson.loads(line)["id"]) for line in message_lines(path))
    except FileNotFoundError:
        return frozenset()
