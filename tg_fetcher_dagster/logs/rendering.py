"""How the fields of a line become its text: one JSON object, or a line for people. Pure.

What strangers wrote (titles, messages, commands) is in the values. It can neither end a line nor begin one:
in JSON a newline is escaped; in text only the lines of a stack trace follow the first one, and all of those
are indented.
"""

import json
import math
from collections.abc import Mapping
from typing import Final, Literal

import orjson

from tg_fetcher_dagster.logs.legible import legible, legible_lines

LogFormat = Literal["json", "text"]

LONGEST_VALUE: Final = 4_000
"""Characters of a value; Docker cuts lines after 16 KiB, and Loki refuses them after 256."""

SPARED: Final = 40
"""Characters more that are let be: a value that was cut is not cut again by whoever reads the line."""

LONGEST_TRACE: Final = 10_000

TRACES: Final = ("exception", "stack")
"""The fields that hold a stack trace, in the order in which they follow a line of text."""

FIRST: Final = ("timestamp", "level", "event")

ORIGIN: Final = ("service", "environment", "version", "host", "worker_id")
"""The fields that say who writes; a person who reads text knows."""

INDENT: Final = "    "
"""Before each line of a trace in text; a line without it is the first one of another."""


def rendered(fields: Mapping[str, object], log_format: LogFormat) -> str:
    """Returns the line of a mapping of JSON values, without its newline."""
    short = {key: _cut(key, value) for key, value in fields.items()}
    return _json_line(short) if log_format == "json" else _text_line(short)


def _cut(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if key in TRACES:
        # The end of a trace names the error.
        return value if len(value) <= LONGEST_TRACE else f"... {value[-LONGEST_TRACE:]}"
    if len(value) <= LONGEST_VALUE + SPARED:
        return value
    return f"{value[:LONGEST_VALUE]}... ({len(value) - LONGEST_VALUE} more characters)"


def _json_line(fields: Mapping[str, object]) -> str:
    ordered = {key: fields[key] for key in FIRST if key in fields} | dict(fields)
    try:
        line = orjson.dumps(ordered).decode()
    except (orjson.JSONEncodeError, TypeError):  # a lone surrogate, a number beyond 64 bits
        # A lone surrogate becomes a question mark: spelled out, strict readers refuse the whole line.
        whole = json.dumps(ordered, default=str, ensure_ascii=False)
        line = whole.encode(errors="replace").decode()
    return legible_lines(line)


def _text_line(fields: Mapping[str, object]) -> str:
    said = legible(str(fields.get("event", "")))
    hidden = {*FIRST, *TRACES, *ORIGIN, "logger"}
    values = " ".join(f"{legible(key)}={_value(fields[key])}" for key in fields if key not in hidden)
    level = str(fields.get("level") or "")
    first = f"{fields.get('timestamp', '')} [{level:<8}] {said}"
    lines = [f"{first}  {values}" if values else first]
    for key in TRACES:
        if key in fields:
            lines += [INDENT + legible(line) for line in str(fields[key]).splitlines()]
    return "\n".join(lines)


def _value(value: object) -> str:
    """A value as a person reads it: quoted where it is empty or holds a blank, a quote or an equals sign."""
    if not isinstance(value, str):
        finite = not isinstance(value, float) or math.isfinite(value)
        return legible(json.dumps(value, ensure_ascii=False, default=str) if finite else str(value))
    plain = value and not any(sign.isspace() or sign in "\"'=" for sign in value)
    return legible(value if plain else json.dumps(value, ensure_ascii=False))
