"""A day's files: their bytes, and what a second fetch of the same day does to them."""

import hashlib
import os
import tracemalloc

import orjson
import pytest

from tg_fetcher_dagster.storage.changes import Changes
from tg_fetcher_dagster.storage.coverage import read_coverage
from tg_fetcher_dagster.storage.day_writer import DayWriter
from tg_fetcher_dagster.storage.raw_file import read_raw
from tg_fetcher_dagster_tests.records import is_complete
from tg_fetcher_dagster_tests.storage.writing import (
    coverage_of,
    fetch_day,
    message,
    publish_day,
    put,
    temporary_files,
)


def test_a_day_file_has_its_head_first_and_each_message_on_its_own_line(ledger, paths):
    publish_day(ledger, paths, [message(2), message(1)])
    lines = paths.day_file.read_bytes().split(b"\n")
    assert lines[0].startswith(b'{"version":"1.0","timezone":"UTC","source_info":')
    assert lines[0].endswith('"senders":{"1":"Анна"},"messages":['.encode())
    assert lines[-1] == b"]}"
    day = orjson.loads(paths.day_file.read_bytes())
    assert list(day) == ["version", "timezone", "source_info", "senders", "messages"]
    assert [value["id"] for value in day["messages"]] == [2, 1]


def test_the_checksum_and_the_size_are_those_of_the_bytes_on_disk(ledger, paths):
    published, assembled = publish_day(ledger, paths, [message(2), message(1)])
    body = paths.day_file.read_bytes()
    assert assembled.checksum_sha256 == hashlib.sha256(body).hexdigest()
    assert assembled.size_bytes == len(body)
    assert orjson.loads(paths.summary.read_bytes())["file_checksum_sha256"] == assembled.checksum_sha256
    assert published.outcome == "new"
    assert published.changes is None


def test_a_day_without_messages_is_a_file_with_an_empty_list(ledger, paths):
    publish_day(ledger, paths, [])
    assert paths.day_file.read_bytes().endswith(b'"messages":[]}')
    assert orjson.loads(paths.day_file.read_bytes())["messages"] == []
    assert [line["kind"] for line in read_raw(paths.raw)] == ["day", "end"]


def test_nothing_of_a_day_is_visible_before_it_is_published_or_after_it_is_discarded(paths):
    with DayWriter(paths) as writer:
        writer.write_raw(b'{"kind":"day","format":1}')
        writer.write_message(b'{"id":1}')
        writer.assemble(version="1.0", timezone="UTC", source_info={}, senders={})
        assert not [path for path in paths.folder.rglob("[!.]*") if path.is_file()]
    assert temporary_files(paths) == []


def test_the_memory_of_a_big_day_does_not_grow_with_its_messages(ledger, paths):
    body = orjson.dumps(message(1, "текст " * 120))
    count = 20_000
    tracemalloc.start()
    with DayWriter(paths) as writer:
        for _ in range(count):
            writer.write_raw(body)
            writer.write_message(body)
        size = writer.assemble(version="1.0", timezone="UTC", source_info={}, senders={}).size_bytes
        put(ledger, paths, writer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == paths.day_file.stat().st_size > 27_000_000
    assert peak < 14_000_000
    assert len(orjson.loads(paths.day_file.read_bytes())["messages"]) == count
    assert temporary_files(paths) == []


def test_a_second_fetch_with_the_same_content_leaves_the_day_file_and_its_time_alone(ledger, paths):
    fetch_day(ledger, paths, [message(2), message(1)])
    os.utime(paths.day_file, ns=(1, 1))
    paths.threads.unlink()
    raw_before = paths.raw.stat().st_ino
    published = fetch_day(ledger, paths, [message(2), message(1)])
    assert published.outcome == "unchanged"
    assert paths.day_file.stat().st_mtime_ns == 1
    assert paths.raw.stat().st_ino != raw_before
    assert paths.threads.exists(), "a side file that was lost comes back"
    assert not paths.versions.exists()


def test_a_second_fetch_that_differs_keeps_the_old_day_and_says_what_changed(ledger, paths):
    fetch_day(ledger, paths, [message(4), message(3, "old"), message(2), message(1)])
    old_day, old_raw = paths.day_file.read_bytes(), paths.raw.read_bytes()
    published = fetch_day(
        ledger,
        paths,
        [message(5), message(4, reactions=[{"emoji": "👍", "count": 1}]), message(3, "new"), message(1)],
    )
    assert published.outcome == "changed"
    assert published.changes == Changes(added=(5,), edited=(3,), deleted=(2,), recounted=(4,))
    [kept_day] = paths.versions.glob("*.json")
    [kept_raw] = paths.versions.glob("*.jsonl.zst")
    assert kept_day.read_bytes() == old_day
    assert kept_raw.read_bytes() == old_raw
    assert kept_raw.name.removesuffix(".jsonl.zst") == kept_day.stem


def test_each_content_that_was_replaced_stays_a_version_of_its_own(ledger, paths):
    for text in ("a", "b", "c"):
        fetch_day(ledger, paths, [message(1, text)])
    texts = {orjson.loads(kept.read_bytes())["messages"][0]["text"] for kept in paths.versions.glob("*.json")}
    assert texts == {"a", "b"}


def test_an_unfinished_day_may_be_replaced_without_keeping_it(ledger, paths):
    publish_day(ledger, paths, [message(1)])
    published, _ = publish_day(ledger, paths, [message(2), message(1)], keep_replaced=False)
    assert published.changes == Changes(added=(2,))
    assert not paths.versions.exists()


def test_a_day_that_was_published_and_never_told_is_new_again(ledger, paths):
    publish_day(ledger, paths, [message(1)])
    published, _ = publish_day(ledger, paths, [message(1)])
    assert published.outcome == "new"


def test_a_change_that_was_published_and_never_told_is_a_change_again(ledger, paths):
    fetch_day(ledger, paths, [message(1, "told")])
    publish_day(ledger, paths, [message(1, "not told")])
    assert not is_complete(ledger, paths), "what the old coverage proves is not what is there"
    published, _ = publish_day(ledger, paths, [message(1, "not told")])
    assert published.outcome == "changed"
    assert published.changes == Changes(edited=(1,))


def test_a_day_file_that_is_gone_comes_back_and_its_checksum_is_known(ledger, paths):
    fetch_day(ledger, paths, [message(1)])
    whole = paths.day_file.read_bytes()
    paths.day_file.unlink()
    published, _ = publish_day(ledger, paths, [message(1)])
    assert published.outcome == "unchanged"
    assert paths.day_file.read_bytes() == whole


def test_a_damaged_day_file_is_replaced_and_nobody_is_told_what_they_know(ledger, paths):
    fetch_day(ledger, paths, [message(1)])
    whole = paths.day_file.read_bytes()
    paths.day_file.write_bytes(whole.replace(b"1", b"2"))
    published, _ = publish_day(ledger, paths, [message(1)])
    assert published.outcome == "unchanged"
    assert paths.day_file.read_bytes() == whole


def test_a_day_file_of_another_program_is_compared_and_kept(ledger, paths):
    paths.folder.mkdir(parents=True)
    paths.day_file.write_text('{\n  "messages": [\n    {"id": 7, "text": "x"}\n  ]\n}')
    published, _ = publish_day(ledger, paths, [message(8)])
    assert published.outcome == "changed"
    assert published.changes == Changes(added=(8,), deleted=(7,))
    assert len(list(paths.versions.glob("*.json"))) == 1


@pytest.mark.parametrize("content", ["", "no json", "[]", '{"messages": [{"text": 1}]}', '{"messages": 5}'])
def test_a_file_that_is_no_day_is_kept_and_not_compared(ledger, paths, content):
    paths.folder.mkdir(parents=True)
    paths.day_file.write_text(content)
    published, _ = publish_day(ledger, paths, [message(8)])
    assert published.outcome == "changed"
    assert published.changes is None
    assert [kept.read_text() for kept in paths.versions.glob("*.json")] == [content]


def test_a_day_made_again_from_its_raw_file_leaves_that_file_alone(ledger, paths):
    fetch_day(ledger, paths, [message(1)])
    raw = paths.raw.stat()
    with DayWriter(paths, keep_raw=False) as writer:
        writer.write_raw(b"is not written")
        writer.write_message(orjson.dumps(message(1, "mapped anew")))
        writer.assemble(version="1.1", timezone="UTC", source_info={}, senders={})
        published = put(ledger, paths, writer)
    assert published.outcome == "changed"
    assert (paths.raw.stat().st_ino, paths.raw.stat().st_mtime_ns) == (raw.st_ino, raw.st_mtime_ns)


def test_placing_before_assembling_is_a_fault_of_the_program(paths):
    with DayWriter(paths) as writer:
        with pytest.raises(RuntimeError, match="after assemble"):
            writer.compare(None)
        writer.assemble(version="1.0", timezone="UTC", source_info={}, senders={})
        with pytest.raises(RuntimeError, match="after seal"):
            writer.moves(writer.compare(None))


def test_a_live_writers_drafts_are_left_alone_by_another_writer(ledger, paths):
    with DayWriter(paths) as first:
        first.write_raw(b'{"kind":"day","format":1}')
        published, _ = publish_day(ledger, paths, [message(1)])
        assert published.outcome == "new"
        first.write_message(orjson.dumps(message(2)))
        first.assemble(version="1.0", timezone="UTC", source_info={}, senders={})
        put(ledger, paths, first)
    assert orjson.loads(paths.day_file.read_bytes())["messages"][0]["id"] == 2
    assert temporary_files(paths) == []


def test_where_there_are_no_hard_links_the_old_day_is_copied(ledger, paths, monkeypatch):
    def no_links(source, target):
        raise PermissionError(1, "Operation not permitted")

    fetch_day(ledger, paths, [message(1, "old")])
    old = paths.day_file.read_bytes()
    monkeypatch.setattr(os, "link", no_links)
    publish_day(ledger, paths, [message(1, "new")])
    [kept] = paths.versions.glob("*.json")
    assert kept.read_bytes() == old


def test_the_coverage_makes_a_day_complete_and_a_cut_file_does_not_count(ledger, paths):
    assert not is_complete(ledger, paths)
    _, assembled = publish_day(ledger, paths, [message(1)])
    assert not is_complete(ledger, paths)
    fetch_day(ledger, paths, [message(1)])
    assert is_complete(ledger, paths)
    assert read_coverage(ledger, paths) == coverage_of(paths, assembled, message_count=1)
    with paths.day_file.open("rb+") as file:
        file.truncate(10)
    assert not is_complete(ledger, paths)
    paths.day_file.unlink()
    assert not is_complete(ledger, paths)
