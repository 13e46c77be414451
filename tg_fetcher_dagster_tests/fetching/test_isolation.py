"""One thing that goes wrong spoils its own chat's days and no others."""

from pathlib import Path
from typing import Any

import pytest

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


async def test_a_chat_that_fails_in_an_unforeseen_way_ends_for_itself(fetching: Start) -> None:
    telegram = fetching(WORLD)
    keys = [await telegram.resolve(f"{name}_group") for name in ("first", "second", "third")]
    # What no version of ours ever wrote there.
    broken = telegram.data_dir / keys[1] / "stragglers"
    broken.mkdir(parents=True)
    (broken / "2025-11-06.jsonl").write_bytes(b"{no json\n")

    requests = [FetchRequest(request_id="fetch-1", chat=key, days=DAYS) for key in keys]
    reports = await fetch_chats(requests, telegram.context)

    outcomes = {(report.chat, report.day.day): report.outcome for report in reports}
    assert outcomes == {
        (keys[0], 6): "fetched",
        (keys[0], 7): "fetched",
        (keys[1], 6): "failed",
        (keys[1], 7): "failed",
        (keys[2], 6): "fetched",
        (keys[2], 7): "fetched",
    }
    failures = [str(report.error.error_type) for report in reports if report.error]
    assert failures == ["internal"] * 2


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


async def test_a_chat_whose_record_cannot_be_read_leaves_the_others_alone(fetching: Start) -> None:
    telegram = fetching(WORLD)
    keys = [await telegram.resolve(f"{name}_group") for name in ("first", "second")]
    folder = telegram.data_dir / keys[0] / ".coverage"
    folder.mkdir(parents=True)
    (folder / "2025-11-07.json").mkdir()  # a folder where a file belongs

    requests = [FetchRequest(request_id="fetch-1", chat=key, days=DAYS) for key in keys]
    reports = await fetch_chats(requests, telegram.context)

    assert [report.outcome for report in reports if report.chat == keys[1]] == ["fetched"] * 2
    assert [str(each.error.error_type) for each in reports if each.error] == ["storage"]


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
