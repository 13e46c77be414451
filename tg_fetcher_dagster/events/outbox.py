"""The one way out for events: recorded with the day's files, published when Redis is there.

`.outbox/pending/` holds what nobody was told yet, `.outbox/published/{request_id}/` the terminal events that
were, `.outbox/broken/` files that are no events. Any number of processes may record and drain at once.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from tg_fetcher_dagster.durable_files import (
    make_folder,
    remove_leftovers,
    storage_failures,
    write_whole,
)
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.events.models import TERMINAL, Event, event_id
from tg_fetcher_dagster.events.outbox_names import OutboxName, chat_part, check_request_id, day_part
from tg_fetcher_dagster.events.publisher import EventPublisher

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutcomeRecord:
    """What one chat and day of a request ended in.

    Attributes:
        event: `messages_fetched`, `fetch_skipped` or `fetch_failed`.
        error_type: the sort of the failure; None where it did not fail.
        error: the failure in one line.
        retryable: whether the same request may succeed later.
    """

    event: str
    error_type: ErrorType | None = None
    error: str | None = None
    retryable: bool = False


class Outbox:
    """The events of DATA_DIR. Its methods raise FetchError (storage) where the disk refuses."""

    def __init__(self, data_dir: Path) -> None:
        self._pending = data_dir / ".outbox" / "pending"
        self._published = data_dir / ".outbox" / "published"
        self._broken = data_dir / ".outbox" / "broken"
        self._last_ns = 0

    def put(self, event: Event, *, request_id: str, durable: bool) -> bool:
        """Records an event, to be published by the next `drain`.

        A request tells a chat and day's end once: a second terminal event is not recorded.

        Args:
            event: its `event_id` is filled in here.
            request_id: the command batch's id, or the Dagster run's.
            durable: it must survive a power cut; a terminal event always does.

        Returns:
            False where the request has already told how that chat and day ended.
        """
        terminal = event.event in TERMINAL
        if terminal and self.outcome(request_id, event.chat, event.date) is not None:
            return False
        name = OutboxName.of(event, request_id=request_id, ns=self._next_ns())
        told = event.model_copy(update={"event_id": event_id(event, request_id=request_id)})
        write_whole(
            self._pending / name.pending, told.model_dump_json().encode(), durable=durable or terminal
        )
        return True

    def pending(self) -> list[OutboxName]:
        """What nobody was told yet, the oldest first."""
        return [name for _, name in self._scan() if name is not None]

    def outcome(self, request_id: str, chat: str | None, day: date | None) -> str | None:
        """Returns the terminal event that the request has recorded for a chat and day, published or not."""
        check_request_id(request_id)
        about = f"{chat_part(chat)}~{day_part(day)}~"
        for name in self._pending_names():
            parsed = OutboxName.parse(name) if f"~{request_id}~{about}" in name else None
            if parsed is not None and parsed.event in TERMINAL:
                return parsed.event
        # Asked for by name: a command may be refused thousands of days, and each one asks here.
        folder = self._published / request_id
        return next((each for each in sorted(TERMINAL) if (folder / f"{about}{each}~0.json").exists()), None)

    def outcomes(self, request_id: str) -> dict[tuple[str | None, date | None], OutcomeRecord]:
        """Returns what each chat and day of the request ended in, as far as they did."""
        ended = {}
        for _, path in self._ended(request_id):
            event = _read(path) or self._read_published(request_id, path)
            if event is not None:
                day = date.fromisoformat(event["date"]) if event["date"] else None
                ended[event["chat"], day] = _outcome(event)
        return ended

    def drain(self, publisher: EventPublisher | None) -> int:
        """Publishes what is pending, in the order of recording; returns how many events that were.

        The first one that Redis does not take ends it: that one and those after it stay for the next time.
        What another process is publishing just now may be offered twice; the publisher is silent then.

        Args:
            publisher: None where events are switched off: they count as told.

        Raises:
            FetchError: (network) Redis is away; nothing is lost.
        """
        told = 0
        for path, name in self._scan():
            with storage_failures(path):
                body = _bytes(path)
            if body is None:
                continue
            event = _event(body)
            if name is None or event is None or event["event"] != name.event:
                self._set_aside(path)
                continue
            if publisher is not None:
                publisher.publish(body, event["event_id"])
            self._settle(path, name)
            told += 1
        return told

    def prune(self, older_than: datetime) -> int:
        """Forgets what was published before that moment, and progress that nobody was told by then.

        Terminal events that are not published stay however old they are. Returns how many files went.
        """
        before = older_than.timestamp()
        gone = 0
        with storage_failures(self._published):
            gone += remove_leftovers(self._pending, "")
            for path, name in self._scan():
                if name is not None and name.event not in TERMINAL and name.recorded_at < older_than:
                    path.unlink(missing_ok=True)
                    gone += 1
            for folder in self._published.glob("*/"):
                files = list(folder.iterdir())
                if all(file.stat().st_mtime < before for file in files):
                    for file in files:
                        file.unlink(missing_ok=True)
                    with suppress(OSError):  # another process has just published into it
                        folder.rmdir()
                    gone += len(files)
        return gone

    def _next_ns(self) -> int:
        # Two events of one process are never recorded in one nanosecond, nor in the wrong order.
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        return self._last_ns

    def _scan(self, part: str = "") -> Iterator[tuple[Path, OutboxName | None]]:
        """What is pending now and has `part` in its name, in order; None for a foreign file's name."""
        for name in sorted(self._pending_names()):
            if part in name and not name.startswith("."):
                yield self._pending / name, OutboxName.parse(name)

    def _pending_names(self) -> list[str]:
        """The names of all files in `pending`, in no order."""
        try:
            return os.listdir(self._pending)  # noqa: PTH208 - thousands may wait while Redis is away
        except FileNotFoundError:
            return []

    def _ended(self, request_id: str) -> Iterator[tuple[OutboxName, Path]]:
        """The request's terminal events; pending ones first, since they only ever move to published."""
        check_request_id(request_id)
        for path, name in self._scan(f"~{request_id}~"):
            if name is not None and name.request_id == request_id and name.event in TERMINAL:
                yield name, path
        folder = self._published / request_id
        for path in sorted(folder.glob("[!.]*.json")):
            name = OutboxName.parse(f"{0:020d}~{request_id}~{path.name}")
            if name is not None and name.event in TERMINAL:
                yield name, path

    def _read_published(self, request_id: str, pending: Path) -> dict[str, Any] | None:
        """Reads an event that was published between the look at its name and this moment."""
        name = OutboxName.parse(pending.name)
        return _read(self._published / request_id / name.published) if name else None

    def _settle(self, path: Path, name: OutboxName) -> None:
        with storage_failures(path):
            if name.event not in TERMINAL:
                path.unlink(missing_ok=True)
                return
            target = self._published / name.request_id / name.published
            make_folder(target.parent)
            try:
                path.replace(target)
            except FileNotFoundError:
                log.debug("another process published the event, too", file=path.name)

    def _set_aside(self, path: Path) -> None:
        log.error("a file in the outbox is no event and was set aside", file=path.name, to=str(self._broken))
        with storage_failures(path):
            make_folder(self._broken)
            try:
                path.replace(self._broken / path.name)
            except FileNotFoundError:
                log.debug("another process set it aside, too", file=path.name)


def _bytes(path: Path) -> bytes | None:
    """The file's bytes; None where another process has just moved it away; empty for what is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        return b""


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not {"event", "event_id", "chat", "date"} <= event.keys():
        return None
    return event


def _read(path: Path) -> dict[str, Any] | None:
    body = _bytes(path)
    return None if body is None else _event(body)


def _outcome(event: dict[str, Any]) -> OutcomeRecord:
    if event["event"] != "fetch_failed":
        return OutcomeRecord(event["event"])
    return OutcomeRecord(
        event["event"], ErrorType(event["error_type"]), event["error"], bool(event["retryable"])
    )
