"""Who asked, when, and under which ids: values that decide nothing, so none of them refuses the work.

What cannot be kept as it was given is cut, made up or left out, and a note says so. Pure.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from tg_fetcher_dagster.requests.command_size import shown

LONGEST: Final = 200
"""Characters of an id or a name: they go into tags, labels and indexes."""

NOBODY: Final = "unknown"

_EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
"""Outside of these a number is no time of ours: it is told rather than drawn as a wait of 56,000 years."""

_NUMBER = re.compile(r"[0-9]{9,19}(?:\.[0-9]*)?")
_UNITS: Final = (1, 1_000, 1_000_000, 1_000_000_000)
"""Parts of a second that producers count in: seconds, milli-, micro-, nanoseconds. No two of them give a
number of which both readings lie in our centuries."""


def with_provenance(given: Mapping[str, Any], *, made_up_id: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Returns the command's keys with what decides nothing in order, and a line for each that was not.

    Args:
        given: the command; nulls and empty texts are absent.
        made_up_id: stands for an id that is missing or is none.
    """
    told = dict(given)
    notes: list[str] = []
    told["command_id"] = _id(told.get("command_id"), "command_id", made_up_id, notes)
    told["correlation_id"] = _id(told.get("correlation_id"), "correlation_id", told["command_id"], notes)
    told["requested_by"] = _id(told.get("requested_by"), "requested_by", NOBODY, notes)
    when = told.pop("timestamp", None)
    if (moment := moment_of(when)) is not None:
        told["timestamp"] = moment
    elif when is not None:
        notes.append(f"timestamp={shown(when)} is no time (ISO 8601 is one): the wait is not measured")
    return told, tuple(notes)


def moment_of(value: object) -> dt.datetime | None:
    """Returns the instant that a producer wrote, or None where it is none.

    Understood: ISO 8601 with or without a zone (then UTC), a count of seconds, milli-, micro- or
    nanoseconds since 1970 as a number or as text, the dates of HTTP (RFC 9110, 5.6.7) and of mail.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_count(value)
    if not isinstance(value, str) or len(text := value.strip()) > LONGEST:
        return None
    if _NUMBER.fullmatch(text):
        return _of_count(float(text))
    for read in (dt.datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return _plausible(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
        except (ValueError, OverflowError, IndexError):
            continue
    return None


def _of_count(count: float) -> dt.datetime | None:
    for unit in _UNITS:
        try:
            moment = _plausible(dt.datetime.fromtimestamp(count / unit, dt.UTC))
        except (ValueError, OverflowError, OSError):
            continue
        if moment is not None:
            return moment
    return None


def _plausible(moment: dt.datetime) -> dt.datetime | None:
    return moment if _EARLIEST <= moment <= _LATEST else None


def _id(value: object, key: str, otherwise: str, notes: list[str]) -> str:
    """An id or a name as one line of at most LONGEST characters; `otherwise` where nothing is left of it."""
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        notes.append(f"{key}={shown(value)} is neither text nor a number: {shown(otherwise)} stands for it")
        return otherwise
    text = str(value).strip()
    legible = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not legible:
        return otherwise
    if len(legible) > LONGEST:
        # Ids that begin alike stay apart.
        mark = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]
        notes.append(f"{key} of {len(text)} characters is cut; allowed are {LONGEST}")
        return f"{legible[: LONGEST - 17]}~{mark}"
    return legible
