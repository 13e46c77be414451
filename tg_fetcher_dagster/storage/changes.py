"""What a re-fetch of a day found: messages added, edited, deleted, or with other counts only.

Two day files are compared a line at a time; kept in memory are the older one's ids and 8-byte hashes.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.durable_files import CHUNK

MESSAGES_BEGIN = b'"messages":['
"""How the head of a day file ends; each message follows on a line of its own."""
COUNTS = frozenset(
    {
        "reactions",
        "views",
        "forwards",
        "forwards_count",
        "replies_count",
        "comments_count",
        "comments",
        "comments_unavailable",
        "comments_chat_id",
        "recent_repliers",
        "top_reactors",
    }
)
"""Keys of a message that others change, not its author: Telegram bumps a message for a reaction, too."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids of messages, in the order of the file.

    Attributes:
        added: not there before (late, or hidden before).
        edited: the author or an admin changed them.
        deleted: not there any more.
        recounted: only reactions, views, forwards or comments differ.
        before: how many messages the older file has.
    """

    added: tuple[int, ...] = ()
    edited: tuple[int, ...] = ()
    deleted: tuple[int, ...] = ()
    recounted: tuple[int, ...] = ()
    before: int = field(default=0, compare=False)


IDS_NAMED = 100
"""Ids of each kind of change that a record names; its counts are of all."""


class Changed(BaseModel):
    """Messages that changed in one way.

    Attributes:
        count: how many they are.
        ids: the newest of them, at most IDS_NAMED.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    count: int = 0
    ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, ids: Sequence[int]) -> Self:
        """Returns the record of these messages."""
        return cls(count=len(ids), ids=tuple(ids[:IDS_NAMED]))


class ChangeRecord(BaseModel):
    """What a reading found different from what consumers were told before; see `Changes` for the kinds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    added: Changed = Changed()
    edited: Changed = Changed()
    deleted: Changed = Changed()
    recounted: Changed = Changed()

    @classmethod
    def of(cls, changes: Changes) -> Self:
        """Returns the changes as they are kept."""
        return cls(
            added=Changed.of(changes.added),
            edited=Changed.of(changes.edited),
            deleted=Changed.of(changes.deleted),
            recounted=Changed.of(changes.recounted),
        )


def compare(old: Path, new: Path) -> Changes:
    """Returns what is different in the day file `new`.

    Raises:
        ValueError: one of them is no day file.
        OSError: one of them cannot be read.
    """
    before = dict(_hashes(old))
    count = len(before)
    added, edited, recounted = [], [], []
    for message_id, digests in _hashes(new):
        known = before.pop(message_id, None)
        if known is None:
            added.append(message_id)
        elif known[:8] != digests[:8]:
            edited.append(message_id)
        elif known != digests:
            recounted.append(message_id)
    return Changes(tuple(added), tuple(edited), tuple(before), tuple(recounted), count)


def ids_of(path: Path) -> frozenset[int]:
    """Returns the ids of a day file's messages.

    Raises:
        ValueError: it is no day file.
        OSError: it cannot be read.
    """
    return frozenset(message_id for message_id, _ in _hashes(path))


def _hashes(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each message's id with 8 bytes for what its author made and 8 for its counts."""
    try:
        for message in _messages(path):
            counts = {key: message.pop(key, None) for key in sorted(COUNTS)}
            yield int(message["id"]), _digest(message) + _digest(counts)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no day file: {error!r}") from None


def _digest(value: dict[str, Any]) -> bytes:
    return hashlib.blake2b(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=8).digest()


def _messages(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb", buffering=CHUNK) as file:
        if not file.readline().rstrip(b"\n").endswith(MESSAGES_BEGIN):
            # Without messages, or written by another program: no line is known to be a message.
            yield from orjson.loads(path.read_bytes())["messages"]
            return
        for line in file:
            if line.startswith(b"]"):
                return
            yield orjson.loads(line.rstrip(b",\n"))
