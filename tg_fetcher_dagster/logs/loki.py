"""Log lines on their way to Loki, besides standard error: batched, bounded, and never in the way of the work.

`inuits-python-logging-loki` speaks Loki's push format (grafana.com, "Loki HTTP API", Push log entries). Its
own handlers wait in an unbounded queue, date a line by when it is pushed, and lose a batch that Loki refuses;
so only its emitter is used, behind a queue of our own.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests
from logging_loki.emitter import LokiEmitter, LokiPushError

from tg_fetcher_dagster.logs.lasting import Remembered

MOST_LINES: Final = 10_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""What waits at most, while Loki is slow or away: minutes of a busy process. What comes then is dropped."""

AT_ONCE: Final = 1_000
"""Lines of one push; Loki takes 4 MiB by default."""

BATCH_SECONDS: Final = 1.0
"""For so long lines are gathered before a push."""

TIMEOUTS: Final = (2.0, 5.0)
"""Seconds to connect, and to wait for an answer."""

LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries while Loki does not take what it is given; the first one is BATCH_SECONDS."""

AT_EXIT: Final = 3.0
"""Seconds that the end of a process waits for its last lines to be taken."""

log = logging.getLogger(__name__)

_PASSES: Final = 429
_SERVER_FAULT: Final = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A line to push; see `LokiPush.put`."""

    created: float
    level: str
    text: str


class _Emitter(LokiEmitter):  # type: ignore[misc]  # the library is untyped
    """Dates a line by when it was written."""

    def build_payload(self, record: Line, line: str) -> dict[str, Any]:
        """Returns one stream with one line."""
        labels = {**self.tags, "level": record.level}
        return {"streams": [{"stream": labels, "values": [[str(int(record.created * 1e9)), line]]}]}


class LokiPush:
    """Pushes lines from a thread of its own; `put` never waits."""

    def __init__(
        self,
        url: str,
        labels: Mapping[str, str],
        *,
        auth: tuple[str, str] | None = None,
        batch_seconds: float = BATCH_SECONDS,
        most_lines: int = MOST_LINES,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        """Starts the thread.

        Args:
            url: of Loki's push.
            labels: of every line; few values each, since each set of them is a stream.
            auth: user and password.
            batch_seconds: for how long lines are gathered.
            most_lines: that wait at most.
            timeouts: seconds to connect and to be answered.
        """
        self._pid = os.getpid()
        self._emitter = _Emitter(url, dict(labels), auth=auth, timeout=timeouts)
        self._batch_seconds = batch_seconds
        self._most_lines = most_lines
        self._waiting: deque[Line] = deque()
        self._bytes = 0
        self._dropped = 0
        self._busy = 0
        self._change = threading.Condition()
        self._over = threading.Event()
        self._troubles = Remembered()
        self._thread = threading.Thread(target=self._go_on, name="loki", daemon=True)
        self._thread.start()

    @property
    def is_of_this_process(self) -> bool:
        """False in a child that was forked: it has neither the thread nor, for sure, the locks."""
        return self._pid == os.getpid()

    @property
    def is_own_thread(self) -> bool:
        """True in the thread that pushes: what its libraries say would go in circles."""
        return threading.current_thread() is self._thread

    def put(self, created: float, level: str, text: str) -> None:
        """Takes a line, or drops it where too many wait.

        Args:
            created: when it was written, in seconds since 1970.
            level: its level, a label.
            text: the JSON object.
        """
        if not self.is_of_this_process:
            return
        line = Line(created, level, text)
        with self._change:
            if len(self._waiting) >= self._most_lines or self._bytes + len(line.text) > MOST_BYTES:
                self._dropped += 1
                return
            self._waiting.append(line)
            self._bytes += len(line.text)
            self._change.notify()

    def close(self, seconds: float = AT_EXIT) -> int:
        """Pushes what waits, for so long at most; returns how many lines were not taken."""
        if not self.is_of_this_process:
            return 0
        self._over.set()
        with self._change:
            self._change.notify()
        self._thread.join(seconds)
        with self._change:
            return self._dropped + len(self._waiting) + self._busy

    def _go_on(self) -> None:
        while self._wait_for_lines():
            if not self._over.is_set():
                self._over.wait(self._batch_seconds)
            self._push(self._take())
        self._emitter.close()

    def _wait_for_lines(self) -> bool:
        """Returns True once there are lines; False where there are none and the process ends."""
        with self._change:
            while not self._waiting:
                if self._over.is_set():
                    return False
                self._change.wait()
        return True

    def _take(self) -> list[Line]:
        with self._change:
            taken = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._bytes -= sum(len(line.text) for line in taken)
            self._busy = len(taken)
        return taken

    def _push(self, lines: list[Line]) -> None:
        """Pushes lines, again and again while that may help; at the end of the process once."""
        pause = self._batch_seconds
        while True:
            try:
                self._emitter.emit_batch([(line, line.text) for line in lines])
            except LokiPushError as error:
                reason = f"Loki answers HTTP {error.status_code}"
                passes = error.status_code == _PASSES or error.status_code >= _SERVER_FAULT
            except (requests.RequestException, OSError) as error:
                reason, passes = f"Loki is away: {type(error).__name__}", True
            except Exception as error:  # noqa: BLE001 - said below; tried for ever it would stop all that follow
                reason, passes = f"lines cannot be pushed to Loki: {type(error).__name__}", False
            else:
                self._taken()
                return
            self._troubles.met(f"{reason}; log lines are on standard error as ever", by="loki")
            if not passes or self._over.is_set():
                self._lost(len(lines))
                return
            self._over.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _taken(self) -> None:
        with self._change:
            self._busy = 0
            dropped, self._dropped = self._dropped, 0
        self._troubles.passed(by="loki")
        if dropped:
            log.warning("log lines did not reach Loki", extra={"count": dropped})

    def _lost(self, count: int) -> None:
        with self._change:
            self._busy = 0
            self._dropped += count
