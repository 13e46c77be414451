"""A sandbox in a process of its own, so that it does not share the reader's interpreter."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

SERVE = [sys.executable, "-m", "tg_fetcher_sandbox", "serve"]


@dataclass(frozen=True)
class ServedSandbox:
    """Where the sandbox is and what it was asked."""

    host: str
    port: int
    session: str
    requests: Path

    def count(self, method: str) -> int:
        """Returns how many requests of a method were made so far."""
        lines = self.requests.read_text(encoding="utf-8").splitlines()
        return sum(json.loads(line)["method"] == method for line in lines)


def on_core(core: int, pid: int = 0) -> None:
    """Keeps a process on one core, where there are two: the sandbox is another machine, not a neighbour.

    Left to itself the kernel often wakes the server on the reader's core, where it waits for the reader's
    burst of work to end: 4 ms of a page's 56, by chance, for whichever reader works after it has asked.
    """
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(pid, {core})


@contextmanager
def serve(scenario: dict[str, Any]) -> Iterator[ServedSandbox]:
    """Serves a scenario until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "scenario.yaml", Path(folder) / "requests.jsonl"
        file.write_text(yaml.safe_dump(scenario, allow_unicode=True), encoding="utf-8")
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tg_fetcher_sandbox",
                "serve",
                "--scenario",
                file,
                "--port",
                "0",
                "--requests",
                log,
            ],
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        on_core(0, process.pid)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the sandbox did not start")
            told = json.loads(line)
            yield ServedSandbox(told["host"], told["port"], told["session"], log)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
