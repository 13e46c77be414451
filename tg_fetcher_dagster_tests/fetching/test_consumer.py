"""The strict consumer finds what is wrong: one that accepts everything proves nothing."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tg_fetcher_dagster_tests.consumer import read_day, read_event
from tg_fetcher_dagster_tests.events.telling import failed
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAY = "2025-11-06"


@pytest.fixture
async def folder(fetching: Callable[..., Fetching]) -> Path:
    """The folder of a channel with comments, one day of which was fetched."""
    telegram = fetching(EVERY_KIND)
    key = await telegram.resolve("sandbox_news")
    await telegram.fetch(key, days_between(DAY, DAY))
    return telegram.data_dir / key


def rewrite(folder: Path, name: str, change: Callable[[Any], object]) -> None:
    """Changes one of the day's files; the checksum goes with it where the day file itself is changed."""
    path = folder / f"{name}.json"
    content = orjson.loads(path.read_bytes())
    change(content)
    path.write_bytes(orjson.dumps(content))
    if name == DAY:
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        rewrite(folder, f"{DAY}_summary", lambda summary: summary.update(file_checksum_sha256=checksum))


async def test_a_day_that_is_as_the_contract_says_is_returned(folder: Path) -> None:
    day = read_day(folder, DAY)
    assert len(day.file.messages) == day.summary.message_count == 12
    assert any(message.comments for message in day.file.messages)
    assert sum(each.message_count for each in day.participants.participants) == 12
    assert len(day.threads.roots) == 12


async def test_keys_that_were_added_are_none_of_its_business(folder: Path) -> None:
    rewrite(folder, DAY, lambda day: day["messages"][0].update(news={"a": 1}))
    assert read_day(folder, DAY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda day: day["messages"][0].pop("lang"), r"messages\.0\.lang: Field required"),
        (lambda day: day["messages"][0].update(id="5"), r"messages\.0\.id: Input should be a valid integer"),
        (lambda day: day["messages"][1].update(token_count=2.0), r"messages\.1\.token_count: .*integer"),
        (lambda day: day["messages"][0].update(message_type="joke"), r"messages\.0\.message_type: "),
        (lambda day: day["messages"][0].update(date="2025-11-06T10:00:00+00:00"), r"messages\.0\.date: "),
        (lambda day: day["messages"][0].update(comments=None), r"messages\.0\.comments: .*array"),
        (lambda day: day["source_info"].update(type="forum"), r"source_info\.type: "),
        (lambda day: day.update(version="2.0"), "version: "),
        (lambda day: day["messages"].reverse(), "messages: the newest is not the first"),
        (lambda day: day["messages"].insert(0, day["messages"][0]), r"messages\.id: \d+ stands there twice"),
        (lambda day: day["messages"][0].update(sender_id=None), r"messages\.0\.sender_id: null, although"),
        (
            lambda day: day["messages"][0].update(sender_id=5),
            r"messages\.0\.sender_id: 5 is not among senders",
        ),
        (
            lambda day: next(each for each in day["messages"] if each["comments"])["comments"][0].update(
                sender_id=None
            ),
            r"messages\.\d+\.comments\.0\.sender_id: null, although",
        ),
        (
            lambda day: day["messages"][0].update(date="2025-11-07T00:00:00Z"),
            r"messages\.0\.date: 2025-11-07T00:00:00Z is not of the day in UTC",
        ),
    ],
)
async def test_a_day_file_that_is_not_as_the_contract_says_is_named_with_the_key(
    folder: Path, change: Callable[[Any], object], said: str
) -> None:
    rewrite(folder, DAY, change)
    with pytest.raises(AssertionError, match=rf"sandbox_news/{DAY}\.json: {said}") as refused:
        read_day(folder, DAY)
    assert "\n" not in str(refused.value)


async def test_only_who_is_named_by_nobody_may_be_null(folder: Path) -> None:
    newest = read_day(folder, DAY).file.messages[0].id
    rewrite(folder, DAY, lambda day: day["messages"][0].update(sender_id=None))
    assert read_day(folder, DAY, nobody={newest})


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("summary", lambda it: it.update(file_checksum_sha256="0" * 64), "file_checksum_sha256: '0000"),
        (
            "summary",
            lambda it: it.update(first_message_ts=it["last_message_ts"]),
            "first_message_ts: '2025-11-06T",
        ),
        ("summary", lambda it: it.update(message_count=0), "message_count: 0, but it is 12"),
        ("summary", lambda it: it.update(chat="@sandbox_news"), "chat: '@sandbox_news', but it is"),
        ("summary", lambda it: it.pop("schema_version"), "schema_version: Field required"),
        ("threads", lambda it: it["roots"].pop(), "roots, parent_to_children: not each message once"),
        (
            "threads",
            lambda it: it["depth"].update({"1": 1}),
            "parent_to_children, depth: a message of",
        ),
        ("participants", lambda it: it.update(date="2025-11-07"), "date: '2025-11-07', but it is"),
        ("participants", lambda it: it["participants"][0].pop("id"), r"participants\.0\.id: Field required"),
    ],
)
async def test_a_file_beside_it_that_is_not_as_the_contract_says_is_named_with_the_key(
    folder: Path, name: str, change: Callable[[Any], object], said: str
) -> None:
    rewrite(folder, f"{DAY}_{name}", change)
    with pytest.raises(AssertionError, match=rf"/{DAY}_{name}\.json: {said}") as refused:
        read_day(folder, DAY)
    assert "\n" not in str(refused.value)


async def test_a_file_that_is_missing_or_no_json_is_named(folder: Path) -> None:
    (folder / f"{DAY}_threads.json").write_text("{")
    with pytest.raises(AssertionError, match=rf"{DAY}_threads\.json: : Invalid JSON"):
        read_day(folder, DAY)
    (folder / f"{DAY}_threads.json").unlink()
    with pytest.raises(AssertionError, match=rf"{DAY}_threads\.json: there is no such file"):
        read_day(folder, DAY)


async def test_every_event_of_a_fetch_is_as_the_contract_says(fetching: Callable[..., Fetching]) -> None:
    telegram = fetching(EVERY_KIND)
    key = await telegram.resolve("busy_group")
    await telegram.fetch(key, days_between(DAY, DAY))
    await telegram.fetch(key, days_between(DAY, DAY), request_id="fetch-2")
    told = [read_event(orjson.dumps(event)).event for event in telegram.events()]
    assert {"fetch_started", "fetch_progress", "fetch_stage", "messages_fetched", "fetch_skipped"} == set(
        told
    )
    whole = next(event for event in telegram.events() if event["event"] == "messages_fetched")
    for name, value in (("checksum_sha256", None), ("message_count", "5"), ("file_path", "")):
        with pytest.raises(AssertionError, match=rf"^event messages_fetched\.{name}: "):
            read_event(orjson.dumps({**whole, name: value}))
    for failure in (failed(), failed(chat=None, date=None)):
        assert read_event(failure.model_dump_json()).event == "fetch_failed"
