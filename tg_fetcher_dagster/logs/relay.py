"""Runs another program and writes its lines as our own: JSON or text, masked, with the fields of every line.

The program is in a process group of its own; signals that end this process are handed on to it, and this
process ends after it, with its exit code, when its last line is written.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from selectors import EVENT_READ, DefaultSelector
from types import FrameType
from typing import Final, Protocol, TextIO

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.logs.foreign_lines import Fields, ForeignLines
from tg_fetcher_dagster.logs.masking import masked_fields
from tg_fetcher_dagster.logs.relayed import KEY, VARIABLE, new_token
from tg_fetcher_dagster.logs.rendering import LogFormat, rendered

QUIET: Final = 0.2
"""Seconds without a word after which a line has ended: a trace is written at once."""

LINGERS: Final = 2.0
"""Seconds that the last lines of a program that has ended are waited for, where others hold its pipe."""

AT_ONCE: Final = 65_536

LONGEST: Final = 1_000_000
"""Bytes of a line; what has no end by then is taken for one."""

HANDED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


class Pushes(Protocol):
    """Sends lines somewhere besides."""

    def put(self, created: float, level: str, text: str) -> None:
        """Takes a line, written at a moment (seconds since 1970), as its JSON; it never waits."""


class _Stream:
    """One of the program's outputs."""

    def __init__(self, descriptor: int, lines: ForeignLines) -> None:
        self.descriptor = descriptor
        self.lines = lines
        self.read_at = 0.0
        self._rest = b""

    def read(self) -> tuple[list[Fields], bool]:
        """Returns the lines that have come to their end, and False at the end of the stream."""
        new = os.read(self.descriptor, AT_ONCE)
        self.read_at = time.monotonic()
        *whole, self._rest = (self._rest + new).split(b"\n")
        if self._rest and (not new or len(self._rest) > LONGEST):
            whole.append(self._rest)
            self._rest = b""
        found = [each for line in whole for each in self.lines.read(line.decode(errors="replace"))]
        return found, bool(new)


class Relay:
    """Writes what a program says."""

    def __init__(
        self,
        *,
        origin_of: Callable[[int], Mapping[str, str]],
        log_format: LogFormat,
        out: TextIO,
        push: Pushes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes where its lines go.

        Args:
            origin_of: returns the fields that every line of a process has, by its id.
            log_format: as in LOG_FORMAT.
            out: where they are written.
            push: takes each line that the program has not written in our own way.
            clock: seconds since 1970.
        """
        self._origin_of = origin_of
        self._origin: Mapping[str, str] = {}
        self._format = log_format
        self._out = out
        self._push = push
        self._clock = clock
        self._token = new_token()

    def run(self, command: Sequence[str]) -> int:
        """Runs the program and returns its exit code; 128 and a signal's number where that has ended it.

        Raises:
            FetchError: (validation) there is no such program.
        """
        with ExitStack() as stack:
            bell = stack.enter_context(_bell())
            heard = stack.enter_context(_hearing())
            try:
                process = subprocess.Popen(  # noqa: S603 - whatever the operator names
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    process_group=0,
                    env={**os.environ, VARIABLE: self._token},
                )
            except OSError as error:
                why = f"{command[0]} cannot be started: {error.strerror}"
                raise FetchError(ErrorType.VALIDATION, why) from None
            stack.enter_context(process)
            heard.hand_on_to(process)
            self._origin = self._origin_of(process.pid)
            self._copy(process, bell)
            code = process.wait()
        return code if code >= 0 else 128 - code

    def _copy(self, process: "subprocess.Popen[bytes]", bell: socket.socket) -> None:
        """Copies until both outputs end, or the program has ended and nobody says anything any more."""
        outputs = ((process.stdout, "info"), (process.stderr, "warning"))
        streams = {
            file.fileno(): _Stream(file.fileno(), self.lines(level)) for file, level in outputs if file
        }
        over: float | None = None
        with DefaultSelector() as selector:
            selector.register(bell, EVENT_READ)
            for descriptor in streams:
                selector.register(descriptor, EVENT_READ)
            while streams and (over is None or time.monotonic() < over):
                waits = any(stream.lines.waits for stream in streams.values())
                ready = selector.select(QUIET if waits or over is not None else None)
                for key, _ in ready:
                    if key.fileobj is bell:
                        bell.recv(AT_ONCE)
                        continue
                    found, goes_on = streams[key.fd].read()
                    self.write(found)
                    if not goes_on:
                        selector.unregister(key.fd)
                        self.write(streams.pop(key.fd).lines.ended())
                for stream in streams.values():
                    if stream.lines.waits and time.monotonic() - stream.read_at >= QUIET:
                        self.write(stream.lines.ended())
                if over is None and process.poll() is not None:
                    over = time.monotonic() + LINGERS
        for stream in streams.values():
            self.write(stream.lines.ended())

    def lines(self, level: str) -> ForeignLines:
        """Returns what reads one of the program's outputs, whose lines are of a level unless they say so."""
        return ForeignLines(level=level, clock=self._clock, token=self._token)

    def write(self, found: Sequence[Fields]) -> None:
        """Writes lines; where nobody takes them the program goes on all the same."""
        for fields in found:
            own = KEY in fields
            said = masked_fields({key: value for key, value in fields.items() if key != KEY})
            # What this package has written says who writes, and has been pushed by whoever wrote it.
            whole = {**self._origin, **said} if own else {**said, **self._origin}
            if self._push is not None and not own:
                self._push.put(self._clock(), str(whole["level"]), rendered(whole, "json"))
            try:
                self._out.write(rendered(whole, self._format) + "\n")
            except OSError:
                continue
        try:
            self._out.flush()
        except OSError:
            return


@contextmanager
def _bell() -> Iterator[socket.socket]:
    """A socket that can be read from when a signal has come: of a program's end, or to be handed on."""
    ours, rung = socket.socketpair()
    with ours, rung:
        ours.settimeout(0)
        rung.settimeout(0)  # as set_wakeup_fd asks for it
        before = signal.set_wakeup_fd(rung.fileno(), warn_on_full_buffer=False)
        heard = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        try:
            yield ours
        finally:
            signal.signal(signal.SIGCHLD, heard)
            signal.set_wakeup_fd(before)


class _Heard:
    """Hands signals on to the program: to itself, as whoever sends them means it, not to its children."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Hears a signal."""
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def hand_on_to(self, process: "subprocess.Popen[bytes]") -> None:
        """Names the program, and hands on what was heard before it was there."""
        self._process = process
        for number in self._early:
            process.send_signal(number)


@contextmanager
def _hearing() -> Iterator[_Heard]:
    """Hears signals from before the program starts: it inherits none that this process ignores.

    A shell's `&` lets SIGINT be ignored, and Dagster treats SIGTERM as it finds SIGINT.
    """
    heard = _Heard()
    with ExitStack() as stack:
        for number in HANDED_ON:
            stack.callback(signal.signal, number, signal.signal(number, heard))
        yield heard
