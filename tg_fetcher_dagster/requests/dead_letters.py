"""A command that failed for good, as it is kept: the original object and why it ended (contracts.md, 1).

Whatever stood in the queue can be written: what is no object, too long or nested too deep is kept as text,
and a text longer than a command may be is cut, with the size and the hash of what was there. Pure.
"""

import datetime as dt
import hashlib
from typing import Any, Final, Protocol

import orjson

from tg_fetcher_dagster.requests.command_size import LARGEST_COMMAND, readable_part

DEAD_LETTER_KEYS: Final = ("failed_at", "error", "error_type", "retry_count")

KEPT_OF_OVERSIZED: Final = 2_048
"""Bytes of an original beyond the size of a command: enough to see whose it was."""


class Ended(Protocol):
    """Why a command failed for good."""

    @property
    def error_type(self) -> str:
        """The sort (errors.py)."""

    @property
    def error(self) -> str:
        """One line."""

    @property
    def retry_count(self) -> int:
        """How often it was tried again."""


def dead_letter(raw: bytes, ended: Ended, *, at: dt.datetime) -> bytes:
    """Returns the original object with the reason; an original that is no object stands under `raw`."""
    return orjson.dumps(
        {
            **original_of(raw),
            "failed_at": at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
            "error": ended.error,
            "error_type": str(ended.error_type),
            "retry_count": ended.retry_count,
        }
    )


def original_of(raw: bytes) -> dict[str, Any]:
    """Returns an entry of the queue as an object that can always be written as JSON."""
    if len(raw) > LARGEST_COMMAND:
        return {
            "raw": _text(raw[:KEPT_OF_OVERSIZED]),
            "raw_bytes": len(raw),
            "raw_sha256": hashlib.sha256(raw).hexdigest(),
        }
    return readable_part(raw) or {"raw": _text(raw)}


def revived(letter: bytes) -> bytes:
    """Returns the command of a dead letter as it may be pushed again.

    A letter whose original was cut comes back without its reason: it is refused again, and the size and the
    hash of what was there stay. What somebody else pushed to the dead letters comes back as it is.
    """
    content = readable_letter(letter)
    if content is None:
        return letter
    if isinstance(content.get("raw"), str) and not {"command", "raw_sha256"} & content.keys():
        return str(content["raw"]).encode()
    return orjson.dumps({key: value for key, value in content.items() if key not in DEAD_LETTER_KEYS})


def readable_letter(letter: bytes) -> dict[str, Any] | None:
    """Returns a dead letter's object; None where it is none of ours: no JSON, no object or too deep."""
    try:
        content = orjson.loads(letter)
        orjson.dumps(content)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return content if isinstance(content, dict) else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
