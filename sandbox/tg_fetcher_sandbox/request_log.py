"""Every request that the sandbox answered, as evidence for tests and benchmarks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import orjson

from tg_fetcher_sandbox.rpc import Caller, Request, method_name

_LONGEST_VALUE = 80
_LONGEST_LIST = 10


def _short(value: Any) -> Any:  # noqa: ANN401 - any value of a TL object
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items() if item not in (None, False)}
    if isinstance(value, list):
        shown = [_short(item) for item in value[:_LONGEST_LIST]]
        return [*shown, f"... {len(value)} in all"] if len(value) > _LONGEST_LIST else shown
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > _LONGEST_VALUE:
        return f"{value[:_LONGEST_VALUE]}..."
    return value


class RequestLog:
    """Keeps one record a request, in memory and, where a path is named, as JSON lines.

    A record holds `time` (ISO, UTC, when the request came), `account` (null before sign-in), `method`,
    `arguments` (short: no nulls, long values cut), `error` (null where it succeeded), `connection` (the TCP
    connection's number), `takeout` (whether it was wrapped in a takeout) and `milliseconds` until the answer.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.records: list[dict[str, Any]] = []
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8", buffering=1)

    def record(
        self, request: Request, caller: Caller, *, came: datetime, error: str | None
    ) -> dict[str, Any]:
        """Writes one record and returns it."""
        arguments = _short(request.to_dict())
        arguments.pop("_", None)
        entry = {
            "time": came.isoformat(timespec="microseconds"),
            "account": None if caller.account is None else caller.account.name,
            "method": method_name(request),
            "arguments": arguments,
            "error": error,
            "connection": caller.connection_id,
            "takeout": caller.in_takeout,
            "milliseconds": round((datetime.now(UTC) - came).total_seconds() * 1000, 1),
        }
        self.records.append(entry)
        if self._file is not None:
            self._file.write(orjson.dumps(entry).decode() + "\n")
        return entry

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
