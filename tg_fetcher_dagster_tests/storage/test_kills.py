"""A writer that is killed (SIGKILL, for real) at any rename, and the one that comes after it."""

import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tg_fetcher_dagster.storage.damage import is_complete
from tg_fetcher_dagster.storage.raw_file import read_raw
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message, temporary_files

CHILD = """
import os, signal, sys
from pathlib import Path
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message

data_dir, call, moment, text = sys.argv[1:]
left = int(call)
really = os.replace

def replace(source, target, **kwargs):
    global left
    left -= 1
    if left == 0 and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    really(source, target, **kwargs)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

os.replace = replace
fetch_day(Store(Path(data_dir), "UTC").day("ru_python", DAY), [message(2, text), message(1)])
"""


def fetch_until_killed(data_dir: Path, *, call: int, moment: str, text: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(data_dir), str(call), moment, text], check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL


def assert_nothing_is_torn(paths) -> None:
    for path in paths.folder.rglob("[!.]*.json"):
        orjson.loads(path.read_bytes())
    for path in paths.folder.rglob("[!.]*.zst"):
        assert [line["kind"] for line in read_raw(path)][-1] == "end"


# The renames of a first fetch: raw, summary, threads, participants, day file, coverage.
@pytest.mark.parametrize(
    ("call", "moment"), [(1, "before"), (1, "after"), (4, "after"), (5, "after"), (6, "before")]
)
def test_a_first_fetch_that_is_killed_is_not_durable_and_is_new_the_next_time(store, paths, call, moment):
    fetch_until_killed(store.data_dir, call=call, moment=moment, text="a")
    assert_nothing_is_torn(paths)
    assert not is_complete(paths)
    assert fetch_day(paths, [message(2, "a"), message(1)]).outcome == "new"
    assert is_complete(paths)
    assert temporary_files(paths) == []


# A re-fetch that differs first withdraws the coverage; then come the same renames.
@pytest.mark.parametrize(
    ("call", "moment"), [(1, "before"), (2, "after"), (5, "after"), (6, "after"), (7, "before")]
)
def test_a_re_fetch_that_is_killed_keeps_the_old_day_and_tells_the_change_the_next_time(
    store, paths, call, moment
):
    fetch_day(paths, [message(2, "old"), message(1)])
    old_day, old_raw = paths.day_file.read_bytes(), paths.raw.read_bytes()
    fetch_until_killed(store.data_dir, call=call, moment=moment, text="new")
    assert_nothing_is_torn(paths)
    published = fetch_day(paths, [message(2, "new"), message(1)])
    assert published.outcome == "changed"
    assert published.changes.edited == (2,)
    assert [kept.read_bytes() for kept in paths.versions.glob("*.json")] == [old_day]
    assert [kept.read_bytes() for kept in paths.versions.glob("*.zst")] == [old_raw]
    assert is_complete(paths)
    assert temporary_files(paths) == []


def test_what_a_killed_writer_left_behind_is_cleaned_for_its_own_day_only(store, paths):
    fetch_until_killed(store.data_dir, call=1, moment="before", text="a")
    left = temporary_files(paths)
    assert left
    other = store.day("ru_python", DAY.replace(day=8))
    fetch_day(other, [message(1)])
    assert sorted(temporary_files(paths)) == sorted(left)
    fetch_day(paths, [message(1)])
    assert temporary_files(paths) == []
