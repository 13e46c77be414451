"""What other programs write, line by line, as the fields of our lines. Pure.

Dagster's processes have a format of their own and no means to add a field to it: `python_logs` in
dagster.yaml reaches the lines of runs only, and `--log-format json` drops every stack trace and tells no
service. So their output is read and understood: Dagster's lines, uvicorn's, gRPC's, Python's warnings and
traces; whatever else comes is taken as it is.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from tg_fetcher_dagster.logs.moments import timestamp_of
from tg_fetcher_dagster.logs.relayed import KEY, without_mark
from tg_fetcher_dagster.logs.rendering import INDENT

Fields = dict[str, Any]

MOST: Final = 200_000
"""Characters of one line with all that belongs to it; what follows is dropped."""

SOON: Final = 5.0
"""Seconds for which the moment of reading is the better one: Dagster tells no milliseconds."""

DEEPEST: Final = 50
"""Levels of a JSON line; what is nested deeper is taken as text: each level costs whoever walks it a call."""

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")

_DAGSTER: Final = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) - (?P<logger>\S+) - "
    r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) - (?P<event>.*)"
)
"""`default_format_string` and `default_date_format_string` of dagster 1.13 (_utils/log.py)."""

_OF_RUN: Final = re.compile(
    r"(?P<job>\S+) - (?P<run_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) - (?:\d+ - )?(?P<event>.*)"
)
"""How Dagster begins the message of a run's line (`construct_log_record_message`)."""

_OURS_AS_TEXT: Final = re.compile(
    r"(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) \[(?P<level>\w+) *\] (?P<event>.*)"
)
_UVICORN: Final = re.compile(r"(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):\s+(?P<event>.*)")
_GRPC: Final = re.compile(r"(?P<level>[IWEF])\d{4} \d\d:\d\d:\d\d\S*\s+\d+ (?P<event>.*)")
"""Abseil's log line: a letter, month and day, the time, the thread."""

_WARNING: Final = re.compile(r"(?P<place>\S+\.py:\d+): (?P<kind>\w*Warning): (?P<event>.*)")
_TRACE: Final = "Traceback (most recent call last):"
LEVELS: Final = frozenset({"debug", "info", "warning", "error", "critical"})
_SIGNS_OF_A_TRACE: Final = ("Traceback", "Stack Trace")
_LEVELS: Final = {"I": "info", "W": "warning", "E": "error", "F": "critical"}


@dataclass(slots=True)
class _Pending:
    """A line that more may belong to.

    Attributes:
        takes_all: whatever follows belongs to it, up to the next line that begins one.
        indent: what each line that follows begins with, and is none of its text.
    """

    fields: Fields
    takes_all: bool = False
    indent: str = ""
    more: list[str] = field(default_factory=list)
    size: int = 0


class ForeignLines:
    """Reads one stream of a program; a trace becomes a field of the line that it follows."""

    def __init__(self, *, level: str, clock: Callable[[], float], token: str | None = None) -> None:
        """Takes what is assumed of a line that says nothing of itself.

        Args:
            level: its level.
            clock: seconds since 1970.
            token: what our own lines carry (logs/relayed.py); it stays on those, and on no other.
        """
        self._level = level
        self._token = token
        self._clock = clock
        self._pending: _Pending | None = None
        self._shapes: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Pending]], ...] = (
            (_DAGSTER, self._of_dagster),
            (_OURS_AS_TEXT, self._of_ours),
            (_UVICORN, self._of_uvicorn),
            (_GRPC, self._of_grpc),
            (_WARNING, self._of_warning),
        )

    @property
    def waits(self) -> bool:
        """True while a line may go on."""
        return self._pending is not None

    def read(self, text: str) -> list[Fields]:
        """Takes a line without its newline; returns the lines that it completes."""
        text = _COLOURS.sub("", text).rstrip("\r")
        try:
            found, head = self._json(text), self._head(text)
        except (ValueError, TypeError, OverflowError, RecursionError):
            # It only looks like a line that we know: 31 February, an offset of 99 hours.
            found = head = None
        if found is not None:
            return [*self.ended(), found]
        if head is not None:
            ended = self.ended()
            self._pending = head
            return ended
        return self._follows(text)

    def ended(self) -> list[Fields]:
        """Returns the line that was waited for, if any: nothing more has come for a while."""
        pending, self._pending = self._pending, None
        if pending is None:
            return []
        more = "\n".join(line.removeprefix(pending.indent) for line in pending.more).strip("\n")
        fields = pending.fields
        if not more:
            return [fields]
        if pending.indent or any(sign in more for sign in _SIGNS_OF_A_TRACE):
            return [{**fields, "exception": more}]
        return [{**fields, "detail": more}]

    def _follows(self, text: str) -> list[Fields]:
        pending = self._pending
        if pending is not None and (pending.takes_all or text.startswith((" ", "\t"))):
            if pending.size < MOST:
                pending.more.append(text)
                pending.size += len(text)
            return []
        if pending is not None and _TRACE in pending.fields["event"]:
            # The line that ends a trace says what is wrong.
            trace = "\n".join([pending.fields["event"], *pending.more, text])
            self._pending = None
            return [{**pending.fields, "event": text, "exception": trace}]
        ended = self.ended()
        if text.strip():
            self._pending = _Pending(self._fields(self._level, text))
        return ended

    def _head(self, text: str) -> _Pending | None:
        """Returns the line that a text begins; None where it says nothing of itself."""
        for shape, begun in self._shapes:
            found = shape.fullmatch(text)
            if found is not None:
                return begun(found)
        if text == _TRACE and (self._pending is None or not self._pending.takes_all):
            return _Pending(self._fields("error", text))
        return None

    def _of_dagster(self, found: re.Match[str]) -> _Pending:
        return _Pending(_of_dagster(found, self._clock()), takes_all=True)

    def _of_ours(self, found: re.Match[str]) -> _Pending:
        fields: Fields = dict(found.groupdict())
        own = without_mark(fields["event"], self._token) if self._token is not None else None
        return _Pending(fields if own is None else {**fields, "event": own, KEY: self._token}, indent=INDENT)

    def _of_uvicorn(self, found: re.Match[str]) -> _Pending:
        said = self._fields(found["level"].lower(), found["event"], logger="uvicorn")
        return _Pending(said, takes_all=True)

    def _of_grpc(self, found: re.Match[str]) -> _Pending:
        return _Pending(self._fields(_LEVELS[found["level"]], found["event"], logger="grpc"))

    def _of_warning(self, found: re.Match[str]) -> _Pending:
        said = self._fields("warning", f"{found['kind']}: {found['event']}", logger="py.warnings")
        return _Pending({**said, "place": found["place"]})

    def _json(self, text: str) -> Fields | None:
        if not text.startswith("{"):
            return None
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        if _is_deep(text, found) or not isinstance(found, dict) or not isinstance(found.get("event"), str):
            return None
        if self._token is not None and found.get(KEY) == self._token:
            return found
        found.pop(KEY, None)
        level = str(found.pop("level", self._level)).lower()
        said = self._fields(level if level in LEVELS else self._level, found.pop("event"))
        return {**found, **said}

    def _fields(self, level: str, event: str, **more: str) -> Fields:
        return {"timestamp": self._now(), "level": level, "event": event, **more}

    def _now(self) -> str:
        return timestamp_of(self._clock())


def _is_deep(text: str, found: object) -> bool:
    """True where a JSON value is nested deeper than DEEPEST; most texts have not even so many brackets."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    level = [found]
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in _inside(each)]
    return any(isinstance(each, dict | list) for each in level)


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _of_dagster(found: re.Match[str], now: float) -> Fields:
    at = datetime.strptime(found["at"], "%Y-%m-%d %H:%M:%S %z").timestamp()
    fields = {
        "timestamp": timestamp_of(now if 0 <= now - at < SOON else at),
        "level": found["level"].lower(),
        "event": found["event"],
        "logger": found["logger"],
    }
    of_run = _OF_RUN.fullmatch(found["event"])
    return {**fields, **of_run.groupdict()} if of_run is not None else fields
