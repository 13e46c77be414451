"""Programs that live as long as the demo: each in a process group of its own, all ended whatever happens.

A terminal's Ctrl-C reaches the demo only, which then ends its programs in the right order: Dagster first,
what it works with afterwards.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from tg_fetcher_dagster.errors import ErrorType, FetchError

PATIENCE = 10.0
"""Seconds between the polite end and the hard one."""

LOOK_EVERY = 0.05
"""Seconds between two looks at a process."""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """A signal asked the demo to end; no failure, and nothing may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turns SIGINT, SIGTERM and SIGHUP into `Ended` while the block runs.

    Set even where SIGINT is ignored, as it is behind a shell's `&`: Dagster takes its reaction to SIGTERM
    from SIGINT's, and would inherit deafness to both.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    """Ending must come to its end, however often Ctrl-C is pressed."""
    with ExitStack() as stack:
        for number in ENDING:
            stack.callback(signal.signal, number, signal.signal(number, signal.SIG_IGN))
        yield


@dataclass(frozen=True)
class Started:
    """A program that runs.

    Attributes:
        log: the file with what it says on standard error (and output, unless that is read).
    """

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Notices a program that has ended by itself.

        Raises:
            FetchError: (internal) it has, with the last line of its log.
        """
        code = self.process.poll()
        if code is not None:
            raise FetchError(
                ErrorType.INTERNAL,
                f"{self.name} has ended (exit {code}); {self.log} says: {_last_line(self.log)}",
            )


class Programs:
    """A context manager over everything that the demo starts."""

    def __init__(self, logs: Path, *, environment: Mapping[str, str], folder: Path) -> None:
        """Takes the folder of the logs, and the environment and working folder of every program."""
        self._logs = logs
        self._environment = dict(environment)
        self._folder = folder
        self._started: list[Started] = []

    def __enter__(self) -> Self:
        """Makes the folder of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what was started, the last one first, groups and all."""
        with _deaf():
            for started in reversed(self._started):
                _end(started.process)

    def start(self, name: str, command: Sequence[str | Path], *, read_output: bool = False) -> Started:
        """Starts a program; its standard output is a pipe if it is to be read, else in the log as well.

        Raises:
            FetchError: (internal) there is no such program.
        """
        path = self._logs / f"{name}.log"
        with path.open("ab") as log:
            try:
                process = subprocess.Popen(  # noqa: S603 - programs of our own
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE if read_output else log,
                    stderr=log,
                    cwd=self._folder,
                    env=self._environment,
                    start_new_session=True,
                )
            except OSError as error:
                raise FetchError(ErrorType.INTERNAL, f"{name} cannot be started: {error}") from error
        started = Started(name, process, path)
        self._started.append(started)
        return started

    def finish(self, started: Started, *, seconds: float) -> None:
        """Waits for a program that is meant to end by itself.

        Raises:
            FetchError: (internal) it failed, or took too long.
        """
        with suppress(subprocess.TimeoutExpired):
            if started.process.wait(seconds) == 0:
                self._started.remove(started)
                return
        started.check()
        raise FetchError(ErrorType.INTERNAL, f"{started.name} has not ended after {seconds:.0f} s")

    def check(self) -> None:
        """Notices a program that has ended by itself; see `Started.check`."""
        for started in self._started:
            started.check()

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Returns when `ready` says so.

        Raises:
            FetchError: (internal) a program has ended meanwhile; (network) it was not ready in time.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise FetchError(
                    ErrorType.NETWORK,
                    f"{what} was not ready after {seconds:.0f} s; the logs are in {self._logs}",
                )
            time.sleep(LOOK_EVERY)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process and its group; the group's id stays taken until its leader is waited for."""
    _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and _runs(process):
        time.sleep(LOOK_EVERY)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _runs(process: "subprocess.Popen[bytes]") -> bool:
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses where only a zombie is left
        os.killpg(process.pid, number)


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else "nothing"


def free_port(preferred: int | None = None) -> int:
    """Returns the preferred port of 127.0.0.1 if nobody has it, else another one that is free."""
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            taken: int = tried.getsockname()[1]
            return taken
    raise FetchError(ErrorType.NETWORK, "no port of 127.0.0.1 is free")


def accepts(port: int) -> bool:
    """Whether somebody answers on a port of 127.0.0.1."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
