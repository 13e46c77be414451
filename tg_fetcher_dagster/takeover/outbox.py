"""`.outbox/` becomes the table `events`: first what was told, then what nobody was told yet, in order.

Progress is no longer kept; broken files stay broken, and are put aside with the rest.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.takeover.old_layout import TERMINAL, OldEvent, OldEventName, Unreadable, read
from tg_fetcher_dagster.takeover.taking import Taking, in_parts, names

LONGEST_CHAT = 200
"""Of the column."""


def take_events(taking: Taking) -> None:
    """Takes over the ends of days, told and not told; each keeps its id, so that no one is told twice."""
    folder = taking.data_dir / ".outbox"
    _take(taking, _published(taking, folder / "published"), "events that were told")
    _take(taking, _pending(taking, folder / "pending"), "events that wait")
    taking.put_rest_aside(folder)


def _take(taking: Taking, found: Iterator[tuple[Path, dict[str, Any] | None]], what: str) -> None:
    for part in in_parts(found):
        rows = [row for _, row in part if row is not None]
        if taking.ledger is not None:
            with taking.ledger.write() as connection:
                arrivals.put_events(connection, rows)
        taking.report.counts[what] += len(rows)
        for path, _ in part:
            taking.put_aside(path)


def _published(taking: Taking, folder: Path) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """The events of each request, the request that was told first before the others."""
    requests = sorted((folder / name for name in names(folder)), key=lambda path: path.stat().st_mtime)
    for request in requests:
        for name in names(request):
            path = request / name
            parsed = OldEventName.published(request.name, name)
            if parsed is not None and parsed.event in TERMINAL:
                at = path.stat().st_mtime
                row = _row(taking, path, request.name, recorded_at=at, published_at=at)
                if row is not None:
                    yield path, row


def _pending(taking: Taking, folder: Path) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    for name in names(folder):
        path = folder / name
        if name.startswith("."):
            continue  # a draft that a dead process has left
        parsed = OldEventName.pending(name)
        if parsed is None or parsed.recorded_at is None:
            taking.report.leave(path, "no event")
        elif parsed.event not in TERMINAL:
            taking.report.counts["progress events that nobody was told"] += 1
            yield path, None
        else:
            row = _row(taking, path, parsed.request_id, recorded_at=parsed.recorded_at, published_at=None)
            if row is not None:
                yield path, row


def _row(
    taking: Taking, path: Path, request_id: str, *, recorded_at: float, published_at: float | None
) -> dict[str, Any] | None:
    event, body = read(OldEvent, path)
    if isinstance(event, Unreadable):
        taking.report.leave(path, f"no event: {event.why}")
        return None
    return {
        "event_id": event.event_id,
        "request_id": request_id,
        "event": event.event,
        "chat": _column(event.chat),
        "date": event.date,
        "body": body.decode(errors="replace"),
        "recorded_at": min(recorded_at, dt.datetime.now(dt.UTC).timestamp()),
        "published_at": published_at,
    }


def _column(chat: str | None) -> str | None:
    # Postgres takes neither NUL nor half a surrogate pair.
    if chat is None:
        return None
    return chat.encode(errors="replace").decode().replace("\0", "\ufffd")[:LONGEST_CHAT]
