"""Runs a command on a machine that is busy: `python -m tg_fetcher_dagster_tests.busy make test`.

Two processes spin beside it. They end with it, however it ends, and it is ended itself after half an hour.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

SPINNING = 2
LONGEST = 1800
"""Seconds for the command: `make test` takes about 5 minutes alone, and two or three times as long here."""

ENDING = 60
"""Seconds between the polite end and the hard one: the tests end the daemons that they have started."""

_SPIN = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def spinning(count: int) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """Keeps processors busy until the block ends, or this process does."""
    with ExitStack() as stack:
        processes = []
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", _SPIN, str(os.getpid())])
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        yield processes


def run(command: Sequence[str], *, seconds: float = LONGEST) -> int:
    """Runs a command, ends it with all that it started if it takes too long, and returns its exit code."""
    process = subprocess.Popen(command, process_group=0)
    try:
        return process.wait(seconds)
    except (KeyboardInterrupt, subprocess.TimeoutExpired) as why:
        sys.stderr.write(f"{' '.join(command)} is ended: {why!r}\n")
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.wait(ENDING) or 1
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()


if __name__ == "__main__":
    with spinning(SPINNING):
        sys.exit(run(sys.argv[1:]))
