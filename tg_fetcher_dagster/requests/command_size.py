"""How large a command may be, and how deep: whatever can be read can then be refused and written again.

Pure. orjson reads 1,024 levels and writes 254: a command between the two was read, could not be written as a
dead letter, and stopped the queue behind it.
"""

from typing import Any, Final

import orjson

from tg_fetcher_dagster.errors import ErrorType, FetchError

LARGEST_COMMAND: Final = 65_536
"""Bytes; what is longer is no command, and is not even parsed."""

DEEPEST_NESTING: Final = 32
"""Lists and objects inside one another, the command's own object included."""

_SHOWN = 80


def refuse_oversized(raw: bytes | str) -> None:
    """Raises where an entry of the queue is too long to be a command.

    Raises:
        FetchError: (validation) with the size and the limit.
    """
    if len(raw) > LARGEST_COMMAND:
        raise refused(f"is {len(raw)} bytes long; allowed are {LARGEST_COMMAND}")


def read_object(raw: bytes | str) -> dict[str, Any]:
    """Returns the JSON object that an entry of the queue holds.

    Raises:
        FetchError: (validation) it is too long, no JSON, no object or nested too deep.
    """
    refuse_oversized(raw)
    try:
        given = orjson.loads(raw)
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise refused(f"is not JSON ({error}): {shown(raw)}") from None
    if nested_too_deep(given):
        raise refused(f"is nested deeper than the allowed {DEEPEST_NESTING} levels")
    if not isinstance(given, dict):
        raise refused(f"must be a JSON object, not {shown(given)}")
    return given


def readable_part(raw: bytes | str) -> dict[str, Any]:
    """Returns what can be read of an entry, for a word about it; nothing where `read_object` raises."""
    try:
        return read_object(raw)
    except FetchError:
        return {}


def nested_too_deep(value: object) -> bool:
    """True where lists and objects stand more than DEEPEST_NESTING deep. Without recursion."""
    level = [value]
    for _ in range(DEEPEST_NESTING + 1):
        level = [inner for each in level for inner in _inside(each)]
    return bool(level)


def _inside(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values()) or [None]
    return (value or [None]) if isinstance(value, list) else []


def shown(value: object) -> str:
    """Returns a value in quotes, cut so that it fits into a line."""
    text = repr(value[: _SHOWN + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def refused(reason: str) -> FetchError:
    """Returns the refusal of a command."""
    return FetchError(ErrorType.VALIDATION, f"command {reason}")
