"""The processes of a deployment, told from all others by the DAGSTER_HOME in their environment."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the deployment."""

    pid: int
    command_line: str

    @property
    def is_run(self) -> bool:
        """True for a run's worker: a process that the code server has spawned (multiprocessing's)."""
        return "multiprocessing.spawn" in self.command_line and "spawn_main" in self.command_line

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; nothing happens where it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def processes_of(home: Path) -> Iterator[Process]:
    """Yields the processes whose environment names this DAGSTER_HOME."""
    mark = f"DAGSTER_HOME={home}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                yield Process(int(folder.name), line)


def runs_of(home: Path) -> list[Process]:
    """Returns the workers of runs that live now."""
    return sorted((each for each in processes_of(home) if each.is_run), key=lambda each: each.pid)


def end_all(home: Path) -> None:
    """Kills what is left of a deployment: what outlived the one that started it."""
    for each in processes_of(home):
        each.send(signal.SIGCONT)
        each.send(signal.SIGKILL)
