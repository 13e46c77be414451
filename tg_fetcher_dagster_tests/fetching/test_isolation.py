"""One thing that goes wrong spoils its own chat's days and no others."""

import gc
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.fetching.day_walk import DayWalk
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.messages.mapping import MessageMapping
from tg_fetcher_dagster_tests.fetching.odd import USERNAME, Start, kept_ids, many, odd_group
from tg_fetcher_dagster_tests.fetching.reading import days_between

DAYS = days_between("2025-11-06", "2025-11-07")
WORLD = {
    "days": {"from": "2025-11-06", "to": "2025-11-07"},
    "chats": {
        name: {"type": "supergroup", "username": f"{name}_group", "messages_per_day": 20}
        for name in ("first", "second", "third")
    },
}


async def test_a_damaged_file_of_one_day_fails_that_day_alone(fetching: Start) -> None:
    telegram = fetching(WORLD)
    keys = [await telegram.resolve(f"{name}_group") for name in ("first", "second", "third")]
    # What no version of ours ever wrote there.
    broken = telegram.data_dir / keys[1] / "stragglers"
    broken.mkdir(parents=True)
    (broken / "2025-11-06.jsonl").write_bytes(b"{no json\n")
    (broken / "somebody's.jsonl").write_bytes(b"else")

    requests = [FetchRequest(request_id="fetch-1", chat=key, days=DAYS) for key in keys]
    results = await fetch_chats(requests, telegram.context)

    outcomes = {(each.chat, each.day.day): each.outcome for each in results}
    assert outcomes == {
        (keys[0], 6): "fetched",
        (keys[0], 7): "fetched",
        (keys[1], 6): "failed",
        (keys[1], 7): "fetched",
        (keys[2], 6): "fetched",
        (keys[2], 7): "fetched",
    }
    [failure] = [each.error for each in results if each.error]
    assert "2025-11-06.jsonl is damaged" in failure.message


async def test_a_chat_that_fails_in_an_unforeseen_way_ends_for_itself(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = fetching(WORLD)
    keys = [await telegram.resolve(f"{name}_group") for name in ("first", "second", "third")]
    as_it_is = DayWalk.run

    async def with_a_fault(self: DayWalk) -> Any:
        async for result in as_it_is(self):
            yield result
            if result.chat == keys[1]:
                raise KeyError("nobody expected this")

    monkeypatch.setattr(DayWalk, "run", with_a_fault)
    requests = [FetchRequest(request_id="fetch-1", chat=key, days=DAYS) for key in keys]
    results = await fetch_chats(requests, telegram.context)

    failed = {(each.chat, each.day.day): str(each.error.error_type) for each in results if each.error}
    assert failed == {(keys[1], 6): "internal"}, "the newest day was durable before the fault"


async def test_the_garbage_collector_leaves_the_modules_alone_for_as_long_as_a_run_reads(
    fetching: Start,
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("first_group")
    frozen: list[int] = []

    def opened() -> AbstractAsyncContextManager[Any]:
        frozen.append(gc.get_freeze_count())
        return telegram.context.open_reader()

    request = FetchRequest(request_id="fetch-1", chat=key, days=DAYS)
    await fetch_chats([request], replace(telegram.context, open_reader=opened))

    assert frozen[0] > 10_000
    assert gc.get_freeze_count() == 0, "what became garbage meanwhile can be found"


async def test_a_day_that_no_walk_accounts_for_is_a_failure(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("first_group")
    as_it_is = DayWalk.run

    async def without_a_day(self: DayWalk) -> Any:
        async for result in as_it_is(self):
            if result.day != DAYS[0]:
                yield result

    monkeypatch.setattr(DayWalk, "run", without_a_day)
    lost, done = await telegram.fetch(key, DAYS)

    assert (lost.outcome, done.outcome) == ("failed", "fetched")
    assert "ended without a word of 2025-11-06" in str(lost.error)


async def test_a_chats_folder_that_is_a_link_is_refused_before_anything_is_asked(
    fetching: Start, tmp_path: Path
) -> None:
    telegram = fetching(WORLD)
    keys = [await telegram.resolve(f"{name}_group") for name in ("first", "second")]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    telegram.data_dir.mkdir(exist_ok=True)
    (telegram.data_dir / keys[0]).symlink_to(elsewhere)

    [linked, whole] = [FetchRequest(request_id="fetch-1", chat=key, days=DAYS) for key in keys]
    reports = await fetch_chats([linked], telegram.context)
    assert telegram.sandbox.count("messages.getHistory") == 0
    reports += await fetch_chats([whole], telegram.context)

    assert [report.outcome for report in reports] == ["failed"] * 2 + ["fetched"] * 2
    [said] = {str(report.error) for report in reports[:2]}
    assert said.startswith(f"{telegram.data_dir / keys[0]} is a symbolic link")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("of_another_day", [False, True])
async def test_a_damaged_record_is_its_own_days_and_is_made_again_and_told(
    fetching: Start, *, of_another_day: bool
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("first_group")
    await telegram.fetch(key, DAYS)
    other = telegram.coverage(key, DAYS[0]).model_dump_json()
    telegram.damage_record(telegram.paths(key, DAYS[1]), other if of_another_day else "{no json")

    results = await telegram.fetch(key, DAYS, request_id="fetch-2")

    assert [each.outcome for each in results] == ["skipped", "fetched"]
    assert telegram.coverage(key, DAYS[1]).date == DAYS[1]
    ends = [(each["date"], each["event"]) for each in telegram.told()[2:]]
    assert ends == [("2025-11-06", "fetch_skipped"), ("2025-11-07", "messages_fetched")]


async def test_a_message_that_cannot_be_mapped_is_kept_raw_and_named(
    fetching: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    telegram = await odd_group(fetching, [*many(6, 30), *many(7, 30)])
    as_it_is = MessageMapping.message

    def with_a_fault(self: MessageMapping, value: dict[str, Any], **how: Any) -> dict[str, Any]:
        if value["id"] == 40:
            raise KeyError("a field that nobody expected")
        return as_it_is(self, value, **how)

    monkeypatch.setattr(MessageMapping, "message", with_a_fault)
    reports = await telegram.fetch(USERNAME, DAYS)

    assert [report.outcome for report in reports] == ["fetched"] * 2
    whole = list(range(60, 30, -1))
    assert kept_ids(telegram, DAYS[1]) == [number for number in whole if number != 40]
    lost = telegram.coverage(USERNAME, DAYS[1]).lost
    assert [(loss.what, loss.first_id, loss.count) for loss in lost] == [("message 40", 40, 1)]
    assert telegram.coverage(USERNAME, DAYS[0]).lost == ()

    monkeypatch.setattr(MessageMapping, "message", as_it_is)
    assert telegram.rebuild(USERNAME, DAYS[1]).outcome == "changed"
    assert kept_ids(telegram, DAYS[1]) == whole
    assert telegram.coverage(USERNAME, DAYS[1]).lost == ()
