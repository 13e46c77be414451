"""A mark that a run's process holds while it lives, so that others can tell a dead worker from a slow one.

Dagster's default launcher has no health check of its workers: a run whose process was killed stays STARTED
for ever. The kernel releases a file lock at the very moment its process ends, however it ends.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_RUN_ID = re.compile(r"[0-9a-fA-F-]{1,64}")


def _mark(data_dir: Path, run_id: str) -> Path:
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"not a run id: {run_id!r}")
    return data_dir / ".runs" / f"{run_id}.lock"


@contextmanager
def alive(data_dir: Path, run_id: str) -> Iterator[None]:
    """Holds the run's mark; it is removed when the block ends and stays, free, when the process dies.

    A run that is started again while its first process still ends waits for that one.
    """
    mark = _mark(data_dir, run_id)
    mark.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(mark, timeout=30):
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)


def is_dead(data_dir: Path, run_id: str) -> bool | None:
    """Returns True where nobody holds the mark, False where somebody does, None where there is none."""
    mark = _mark(data_dir, run_id)
    if not mark.exists():
        return None
    try:
        with FileLock(mark, timeout=0):
            return True
    except Timeout:
        return False


def forget(data_dir: Path, run_id: str) -> None:
    """Removes the mark of a run that has been found dead."""
    _mark(data_dir, run_id).unlink(missing_ok=True)
