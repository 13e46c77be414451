"""DATA_DIR as a whole: its zone, its chats, its covered days, its progress report."""

import subprocess
import sys
from datetime import timedelta

import orjson
import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.storage.coverage import Loss, covered_days, read_coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.storage.progress import write_progress
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message


def test_the_files_of_a_day_stand_where_readers_look_for_them(store):
    paths = store.day("ru_python", DAY)
    folder = store.data_dir / "ru_python"
    assert paths.day_file == folder / "2025-11-07.json"
    assert paths.summary == folder / "2025-11-07_summary.json"
    assert paths.threads == folder / "2025-11-07_threads.json"
    assert paths.participants == folder / "2025-11-07_participants.json"
    assert paths.raw == folder / "raw" / "2025-11-07.jsonl.zst"
    fetch_day(paths, [message(1)])
    assert {path.name for path in folder.glob("*.json")} == {
        "2025-11-07.json",
        "2025-11-07_summary.json",
        "2025-11-07_threads.json",
        "2025-11-07_participants.json",
    }


@pytest.mark.parametrize("chat", ["../x", "", "Ru", "a/b", ".hidden", "1chat"])
def test_a_chat_key_that_is_no_safe_folder_is_refused(store, chat):
    with pytest.raises(FetchError) as caught:
        store.day(chat, DAY)
    assert caught.value.error_type is ErrorType.VALIDATION


def test_a_data_dir_written_in_another_zone_is_refused(store):
    store.prepare()
    with pytest.raises(FetchError, match=r"TIMEZONE='Europe/Moscow'.*written in 'UTC'") as caught:
        Store(store.data_dir, "Europe/Moscow").prepare()
    assert caught.value.error_type is ErrorType.VALIDATION


def test_a_data_dir_of_another_layout_or_with_a_damaged_note_is_refused(store):
    note = store.data_dir / ".store.json"
    note.write_text('{"format": 9, "timezone": "UTC"}')
    with pytest.raises(FetchError, match="layout 9"):
        store.prepare()
    note.write_text('{"form')
    with pytest.raises(FetchError, match="is damaged"):
        store.prepare()


def test_the_chats_are_the_folders_that_are_not_hidden(store, tmp_path):
    assert Store(tmp_path / "nowhere", "UTC").chats() == []
    (store.data_dir / ".outbox").mkdir()
    for chat in ("b_chat", "a_chat"):
        fetch_day(store.day(chat, DAY), [])
    assert store.chats() == ["a_chat", "b_chat"]


def test_the_covered_days_of_a_chat_come_oldest_first_and_damaged_ones_do_not_count(store):
    days = [DAY + timedelta(days=offset) for offset in (2, 0, 1)]
    for day in days:
        fetch_day(store.day("ru_python", day), [], lost=(Loss(what="comments of post 1", why="private"),))
    assert list(covered_days(store, "ru_python")) == sorted(days)
    assert covered_days(store, "other") == {}
    damaged = store.day("ru_python", DAY)
    damaged.coverage.write_text("{")
    assert read_coverage(damaged) is None
    assert list(covered_days(store, "ru_python")) == sorted(days)[1:]


def test_a_coverage_that_cannot_be_read_is_one_line(store):
    paths = store.day("ru_python", DAY)
    paths.coverage.mkdir(parents=True)
    with pytest.raises(FetchError, match=r"cannot read .*coverage") as caught:
        read_coverage(paths)
    assert caught.value.error_type is ErrorType.STORAGE


def report(path):
    return orjson.loads(path.read_bytes())["sources"]


def test_the_progress_report_is_the_sum_of_the_covered_days(store):
    path = store.data_dir / "progress.json"
    fetch_day(store.day("ru_python", DAY), [message(2), message(1)], scanned_newest_id=2)
    fetch_day(store.day("ru_python", DAY + timedelta(days=1)), [message(9)], newest_message_id=9)
    fetch_day(store.day("ru_python", DAY + timedelta(days=2)), [], scanned_newest_id=40, final=False)
    for _ in range(2):
        write_progress(path, store, chat="ru_python", source="@ru_python")
    entry = report(path)["@ru_python"]
    assert entry["last_processed_date"] == "2025-11-08"
    assert entry["last_message_id"] == 9
    assert entry["message_count"] == 3
    assert entry["status"] == "completed"
    assert entry["last_updated"]


def test_the_progress_report_has_one_entry_a_chat_also_after_a_rename(store):
    path = store.data_dir / "progress.json"
    path.write_text('{"version": "1.0", "sources": {"@foreign": {"message_count": 5}}}')
    write_progress(path, store, chat="ru_python", source="@ru_python")
    write_progress(path, store, chat="ru_python", source="@new_name", status="failed")
    assert set(report(path)) == {"@foreign", "@new_name"}
    assert report(path)["@foreign"] == {"message_count": 5}
    assert report(path)["@new_name"]["last_processed_date"] is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sources": [1]}', '{"sources": {"a": 1}}'])
def test_a_damaged_progress_report_is_begun_anew(store, content):
    path = store.data_dir / "progress.json"
    path.write_text(content)
    write_progress(path, store, chat="ru_python", source="@ru_python")
    assert set(report(path)) == {"@ru_python"}


CHILD = """
import sys
from pathlib import Path
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.storage.progress import write_progress

store = Store(Path(sys.argv[1]), "UTC")
for number in range(20):
    chat = f"{sys.argv[2]}_{number}"
    write_progress(store.data_dir / "progress.json", store, chat=chat, source="@" + chat)
"""


def test_two_processes_that_report_at_once_lose_no_entry(store):
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(store.data_dir), name])
        for name in ("left", "right")
    ]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert len(report(store.data_dir / "progress.json")) == 40
