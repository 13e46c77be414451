"""A mark that a run's process holds while it lives, so that others can tell a dead worker from a slow one.

Dagster's default launcher has no health check of its workers: a run whose process was killed stays STARTED
for ever. The kernel releases a file lock at the very moment its process ends, however it ends. It says
nothing of another host's processes, and nothing after a start of the machine: a mark names the boot that it
was made in, which containers of one machine share; of any other one, the run's heartbeat in the ledger tells.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
from filelock import FileLock, Timeout

from tg_fetcher_dagster.folders import make_folder

log = structlog.get_logger(__name__)

_RUN_ID = re.compile(r"[0-9a-fA-F-]{1,64}")


def _mark(data_dir: Path, run_id: str) -> Path:
    if not _RUN_ID.fullmatch(run_id):
        raise ValueError(f"not a run id: {run_id!r}")
    return data_dir / ".runs" / f"{run_id}.lock"


@contextmanager
def alive(data_dir: Path, run_id: str) -> Iterator[None]:
    """Holds the run's mark; it is removed when the block ends and stays, free, when the process dies.

    A run that is started again while its first process still ends waits for that one. Where the disk does
    not take a mark the block runs without one: what it writes there fails with a better reason.
    """
    mark = _mark(data_dir, run_id)
    with ExitStack() as stack:
        try:
            make_folder(mark.parent)
            stack.enter_context(FileLock(mark, timeout=30))
            stack.callback(mark.unlink, missing_ok=True)
            # An empty mark was never held: between its making and its locking it must not count as dead.
            mark.write_text(f"{os.getpid()}\n{_boot()}\n", encoding="ascii")
        except Timeout:
            raise
        except OSError as error:
            log.warning("the run has no mark", error_type="storage", error=str(error))
        yield


def is_dead(data_dir: Path, run_id: str) -> bool | None:
    """Returns True where nobody holds the mark, False where somebody does, None where that is unknown.

    There is nothing to be known of a mark of another machine or of before its start, nor of one that its run
    removes just now: such a run has come to its end.
    """
    try:
        mark = os.open(_mark(data_dir, run_id), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        facts = os.fstat(mark)
        made_in = os.read(mark, 200).decode("ascii", "replace").split("\n")[1:2]
    except OSError:
        return False
    finally:
        os.close(mark)
    return True if facts.st_nlink and made_in == [_boot()] else None


def _boot() -> str:
    """Returns which start of which machine this is (proc(5), "boot_id"); empty where nobody says so."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def forget(data_dir: Path, run_id: str) -> None:
    """Removes the mark of a run that has been found dead."""
    _mark(data_dir, run_id).unlink(missing_ok=True)
