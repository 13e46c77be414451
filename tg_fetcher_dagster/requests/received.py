"""A command as it is kept when it is taken in: as it was given, or cut with its size and hash. Pure."""

from typing import Any

import orjson

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command_size import refuse_oversized
from tg_fetcher_dagster.requests.dead_letters import original_of


def received_row(
    request_id: str, source: str, raw: bytes, *, sha256: str, now: float, repeated: bool = False
) -> dict[str, Any]:
    """Returns the row of a new request.

    Args:
        request_id: the ledger's own id.
        source: `redis` or `spool`.
        raw: what was given; of what is longer than a command may be, the beginning is kept.
        sha256: of all of it.
        now: seconds since 1970.
        repeated: Redis gave it back after it had lost time: it is kept and not done again.
    """
    error = _size_error(raw)
    return {
        "request_id": request_id,
        "source": source,
        "state": "repeated" if repeated else "new",
        "raw": raw if error is None else orjson.dumps(original_of(raw)),
        "raw_sha256": sha256,
        "correlation_id": request_id,
        "received_at": now,
        "error_type": ErrorType.VALIDATION.value if error else None,
        "error": error.message if error else None,
        "ended_at": now if repeated else None,
    }


def _size_error(raw: bytes) -> FetchError | None:
    try:
        refuse_oversized(raw)
    except FetchError as error:
        return error
    return None
