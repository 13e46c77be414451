"""DATA_DIR as a whole: its zone, its chats, its covered days, its progress report."""

import subprocess
import sys
from datetime import date, timedelta

import orjson
import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import days as ledger_days
from tg_fetcher_dagster.storage.coverage import Loss, covered_days, read_coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.storage.progress import write_progress
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message


def test_the_files_of_a_day_stand_where_readers_look_for_them(ledger, store):
    paths = store.day("ru_python", DAY)
    folder = store.data_dir / "ru_python"
    assert paths.day_file == folder / "2025-11-07.json"
    assert paths.summary == folder / "2025-11-07_summary.json"
    assert paths.threads == folder / "2025-11-07_threads.json"
    assert paths.participants == folder / "2025-11-07_participants.json"
    assert paths.raw == folder / "raw" / "2025-11-07.jsonl.zst"
    fetch_day(ledger, paths, [message(1)])
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


def test_the_chats_are_the_folders_that_are_not_hidden(ledger, store, tmp_path):
    assert Store(tmp_path / "nowhere", "UTC").chats() == []
    (store.data_dir / ".outbox").mkdir()
    for chat in ("b_chat", "a_chat"):
        fetch_day(ledger, store.day(chat, DAY), [])
    assert store.chats() == ["a_chat", "b_chat"]


def test_the_covered_days_of_a_chat_come_oldest_first_and_damaged_ones_do_not_count(ledger, store):
    days = [DAY + timedelta(days=offset) for offset in (2, 0, 1)]
    for day in days:
        fetch_day(
            ledger, store.day("ru_python", day), [], lost=(Loss(what="comments of post 1", why="private"),)
        )
    assert list(covered_days(ledger, "ru_python", date.min, date.max)) == sorted(days)
    assert covered_days(ledger, "other", date.min, date.max) == {}
    damaged = store.day("ru_python", DAY)
    with ledger.write() as connection:
        ledger_days.put(connection, "ru_python", DAY, {"coverage": "{"})
    assert read_coverage(ledger, damaged) is None
    assert list(covered_days(ledger, "ru_python", date.min, date.max)) == sorted(days)[1:]


def report(path):
    return orjson.loads(path.read_bytes())["sources"]


def test_the_progress_report_is_the_sum_of_the_covered_days(ledger, store):
    path = store.data_dir / "progress.json"
    fetch_day(ledger, store.day("ru_python", DAY), [message(2), message(1)], scanned_newest_id=2)
    fetch_day(ledger, store.day("ru_python", DAY + timedelta(days=1)), [message(9)], newest_message_id=9)
    fetch_day(ledger, store.day("ru_python", DAY + timedelta(days=2)), [], scanned_newest_id=40, final=False)
    for _ in range(2):
        write_progress(path, ledger, chat="ru_python", source="@ru_python")
    entry = report(path)["@ru_python"]
    assert entry["last_processed_date"] == "2025-11-08"
    assert entry["last_message_id"] == 9
    assert entry["message_count"] == 3
    assert entry["status"] == "completed"
    assert entry["last_updated"]


def test_the_progress_report_has_one_entry_a_chat_also_after_a_rename(ledger, store):
    path = store.data_dir / "progress.json"
    path.write_text('{"version": "1.0", "sources": {"@foreign": {"message_count": 5}}}')
    write_progress(path, ledger, chat="ru_python", source="@ru_python")
    write_progress(path, ledger, chat="ru_python", source="@new_name", status="failed")
    assert set(report(path)) == {"@foreign", "@new_name"}
    assert report(path)["@foreign"] == {"message_count": 5}
    assert report(path)["@new_name"]["last_processed_date"] is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sources": [1]}', '{"sources": {"a": 1}}'])
def test_a_damaged_progress_report_is_begun_anew(ledger, store, content):
    path = store.data_dir / "progress.json"
    path.write_text(content)
    write_progress(path, ledger, chat="ru_python", source="@ru_python")
    assert set(report(path)) == {"@ru_python"}


CHILD = """
import sys
from pathlib import Path
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.progress import write_progress

ledger = Ledger.open(sys.argv[3])
for number in range(20):
    chat = f"{sys.argv[2]}_{number}"
    write_progress(Path(sys.argv[1]) / "progress.json", ledger, chat=chat, source="@" + chat)
"""


def test_two_processes_that_report_at_once_lose_no_entry(store, ledger_url):
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, str(store.data_dir), name, ledger_url])
        for name in ("left", "right")
    ]
    assert [child.wait(timeout=60) for child in children] == [0, 0]
    assert len(report(store.data_dir / "progress.json")) == 40
