"""A disk that is full, read-only or otherwise unwilling gives one line, and nothing is left half-written."""

import subprocess
import sys
from pathlib import Path

import pytest

from tg_fetcher_dagster.durable_files import exclusive, storage_failures, write_whole
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster_tests.records import is_complete
from tg_fetcher_dagster_tests.storage.writing import fetch_day, message, temporary_files

CHILD = """
import resource, sys
from pathlib import Path
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message
import random

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
noise = random.Random(7)
messages = [message(i, noise.randbytes(700).hex()) for i in range(9000, 0, -1)]
try:
    fetch_day(Ledger.open(sys.argv[3]), Store(Path(sys.argv[1]), "UTC").day("ru_python", DAY), messages)
except FetchError as error:
    print(error.error_type, error.message, sep="|")
"""


# The disk is "full" while the raw file, the messages or the day file is being written.
@pytest.mark.parametrize("limit", [100_000, 7_000_000, 13_000_000])
def test_a_disk_that_fills_up_during_a_fetch_leaves_the_old_day_and_no_drafts(
    ledger, ledger_url, store, paths, limit
):
    fetch_day(ledger, paths, [message(1)])
    old = paths.day_file.read_bytes()
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(store.data_dir), str(limit), ledger_url],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    error_type, line = child.stdout.strip().split("|")
    assert error_type == "storage"
    assert "cannot write" in line
    assert "ulimit -f" in line
    assert "\n" not in line
    assert temporary_files(paths) == []
    assert paths.day_file.read_bytes() == old
    assert is_complete(ledger, paths)


def test_a_full_disk_is_named_with_what_to_do():
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(FetchError) as caught, storage_failures(full):
        full.write_bytes(b"x")
    assert caught.value.error_type is ErrorType.STORAGE
    assert caught.value.retryable
    assert str(caught.value) == "cannot write /dev/full: the disk is full: free some space there"


def test_a_file_where_a_folder_is_needed_is_one_line(ledger, store, paths):
    paths.folder.write_text("in the way")
    with pytest.raises(FetchError, match=r"ru_python: a file stands") as caught:
        fetch_day(ledger, paths, [message(1)])
    assert caught.value.error_type is ErrorType.STORAGE


def test_a_failed_write_of_a_small_file_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "note.json"
    write_whole(path, b"old")

    def refuse(source, target):
        raise OSError(30, "Read-only file system", str(target))

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(FetchError, match="read-only: mount it for writing"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_that_another_process_keeps_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tg_fetcher_dagster.durable_files.LOCK_SECONDS", 0.01)
    lock = tmp_path / ".lock"
    with exclusive(lock), pytest.raises(FetchError, match="another process has held"), exclusive(lock):
        pass
