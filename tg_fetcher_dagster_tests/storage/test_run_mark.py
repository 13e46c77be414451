"""A run's mark tells a dead process from a slow one, and from one that has just come to its end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tg_fetcher_dagster.storage.run_mark import alive, forget, is_dead

RUN = "7c6a1c9e-1111-4222-8333-444455556666"

CHILD = """
import signal, sys
from pathlib import Path
from tg_fetcher_dagster.storage.run_mark import alive
with alive(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def holder(tmp_path: Path) -> "subprocess.Popen[str]":
    """Another process that holds the mark."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path), RUN], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_run_is_alive_while_its_process_is_and_dead_once_it_is_killed(tmp_path: Path, holder) -> None:
    assert is_dead(tmp_path, RUN) is False
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert is_dead(tmp_path, RUN) is True
    assert is_dead(tmp_path, RUN) is True
    forget(tmp_path, RUN)
    assert is_dead(tmp_path, RUN) is None


def test_a_run_that_ended_leaves_no_mark(tmp_path: Path) -> None:
    with alive(tmp_path, RUN):
        assert is_dead(tmp_path, RUN) is False
    assert is_dead(tmp_path, RUN) is None


def test_a_mark_that_its_run_has_not_locked_yet_is_not_a_dead_run(tmp_path: Path) -> None:
    (tmp_path / ".runs").mkdir()
    (tmp_path / ".runs" / f"{RUN}.lock").touch()
    assert is_dead(tmp_path, RUN) is None


def test_a_run_goes_on_where_the_disk_takes_no_mark(tmp_path: Path) -> None:
    (tmp_path / ".runs").write_text("a file where the folder should be")
    with alive(tmp_path, RUN):
        assert is_dead(tmp_path, RUN) is None


def test_a_name_that_is_no_run_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a run id"):
        is_dead(tmp_path, "../../etc/passwd")
