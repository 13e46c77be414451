"""A mass deletion is not believed at once, an ordinary one is, and what changed is kept."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.rebuild import accept_day
from tg_fetcher_dagster.fetching.request import DayReport
from tg_fetcher_dagster.storage.candidates import read_candidate
from tg_fetcher_dagster.storage.deletions import DeletionRule
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import message_ids
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

Start = Callable[..., Fetching]
DAY = date(2025, 11, 6)
FIRST = datetime(2025, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULE = DeletionRule(share=0.2, messages=10, confirm_after=24 * HOUR)

WORLD: dict[str, Any] = {
    "seed": 23,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {"busy": {"type": "supergroup", "username": "gone_busy", "messages_per_day": 50, "members": 5}},
}


@pytest.mark.parametrize(
    ("kept", "vanished", "found", "doubted"),
    [
        (50, 10, 40, True),
        (50, 9, 41, False),
        (51, 10, 41, False),
        (55, 11, 44, True),
        (1000, 199, 801, False),
        (1000, 200, 800, True),
        (3, 3, 0, True),
        (1, 1, 0, True),
        (9, 9, 5, False),
        (0, 0, 0, False),
        (50, 0, 0, False),
    ],
)
def test_a_share_and_a_number_together_make_a_doubt_and_so_does_an_emptied_day(
    kept: int, vanished: int, found: int, doubted: bool
) -> None:
    assert RULE.doubts(kept=kept, vanished=vanished, found=found) is doubted


class Chat:
    """A chat whose messages come and go."""

    def __init__(self, telegram: Fetching) -> None:
        self.telegram = telegram
        self._world = telegram.sandbox.world
        self._posts = {post.id: post for post in self._world.posts(self._world.chats["busy"])}

    def ids(self, day: date = DAY) -> list[int]:
        """Ids of a day that are there now, newest first."""
        days = self.telegram.truth()["busy"]["days"]
        return [each["id"] for each in days.get(day.isoformat(), {"messages": []})["messages"]]

    def delete(self, ids: Iterable[int]) -> None:
        for each in ids:
            self._world.delete("busy", each)

    def bring_back(self, ids: Iterable[int]) -> None:
        for each in ids:
            self._world._change(self._world.chats["busy"], each, self._posts[each])


async def read(telegram: Fetching, at: datetime, number: int, **how: Any) -> DayReport:
    """Reads the day by a request of its own."""
    how = {"force": True, **how}
    reports = await telegram.at(at).fetch("gone_busy", [DAY], request_id=f"fetch-{number}", **how)
    return reports[0]


async def started(start: Start, *, now: datetime = FIRST) -> tuple[Fetching, Chat, DayPaths]:
    """A day of 50 messages that was read and told."""
    telegram = start(WORLD, now=now)
    await telegram.resolve("gone_busy")
    assert (await read(telegram, now, 1)).outcome == "fetched"
    return telegram, Chat(telegram), telegram.paths("gone_busy", DAY)


def files(paths: DayPaths) -> dict[Path, bytes]:
    whole = (paths.day_file, paths.summary, paths.threads, paths.participants, paths.raw)
    return {path: path.read_bytes() for path in whole}


def is_doubted(report: DayReport) -> bool:
    error = report.error
    return (
        report.outcome == "failed" and error is not None and error.error_type is ErrorType.SUSPICIOUS_DELETION
    )


@pytest.mark.parametrize("number", [10, 50])
async def test_the_earlier_file_stays_and_the_reading_is_kept_beside_it(fetching: Start, number: int) -> None:
    telegram, chat, paths = await started(fetching)
    before, told = files(paths), len(telegram.told())
    gone = chat.ids()[:number]
    chat.delete(gone)

    report = await read(telegram, FIRST + HOUR, 2)

    assert is_doubted(report)
    assert report.error is not None
    assert not report.error.retryable
    assert report.error.message == (
        f"gone_busy 2025-11-06: {number} of 50 messages are gone; the earlier file stays until a reading"
        " after 2025-12-02 13:00 UTC confirms it, or: tg-fetcher accept gone_busy 2025-11-06"
    )
    assert files(paths) == before
    assert not paths.versions.exists()
    assert len(telegram.told()) == told, "the failure hook tells it, once it is final"
    assert message_ids(paths.candidate_raw) == set(chat.ids())
    assert telegram.doubted() == [("gone_busy", DAY)]
    assert telegram.done("gone_busy") == set()


async def test_fewer_messages_than_that_may_go_and_it_is_told_which(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    gone, edited = chat.ids()[:9], chat.ids()[20]
    chat.delete(gone)
    telegram.sandbox.world.edit("busy", edited, text="other words", edited=1762473600)

    report = await read(telegram, FIRST + HOUR, 2)

    assert report.outcome == "fetched"
    coverage = telegram.proved(paths)
    assert coverage is not None
    assert coverage.changes is not None
    assert (coverage.changes.deleted.count, coverage.changes.deleted.ids) == (9, tuple(gone))
    assert coverage.changes.edited.ids == (edited,)
    event = telegram.told()[-1]
    kinds = ("added", "edited", "deleted", "recounted")
    assert [event[f"messages_{kind}"] for kind in kinds] == [0, 1, 9, 0]
    await read(telegram, FIRST + 2 * HOUR, 3)
    again = telegram.proved(paths)
    assert again is not None
    assert again.changes is not None
    assert again.changes.deleted.count == 0, "nothing has changed since it was told"


async def test_a_first_reading_has_no_changes(fetching: Start) -> None:
    telegram, _, paths = await started(fetching)
    coverage = telegram.proved(paths)
    assert coverage is not None
    assert coverage.changes is None
    assert telegram.told()[-1]["messages_added"] is None


async def test_a_second_reading_too_early_changes_nothing(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    chat.delete(chat.ids()[:20])
    await read(telegram, FIRST, 2)
    before, candidate = files(paths), paths.candidate_raw.read_bytes()
    telegram.sandbox.clear_requests()

    assert is_doubted(await read(telegram, FIRST + 23 * HOUR, 3, force=False))
    assert telegram.sandbox.requests == [], "it would settle nothing"
    assert is_doubted(await read(telegram, FIRST + 23 * HOUR, 4))

    assert files(paths) == before
    assert paths.candidate_raw.read_bytes() == candidate


async def test_another_attempt_at_the_same_request_does_not_read_again(fetching: Start) -> None:
    telegram, chat, _ = await started(fetching)
    chat.delete(chat.ids()[:20])
    await read(telegram, FIRST, 2)
    telegram.sandbox.clear_requests()

    assert is_doubted(await read(telegram, FIRST + HOUR, 2))
    assert telegram.sandbox.requests == []


@pytest.mark.parametrize("force", [True, False])
async def test_a_second_reading_after_a_day_confirms_it(fetching: Start, force: bool) -> None:
    telegram, chat, paths = await started(fetching)
    old = files(paths)
    chat.delete(chat.ids()[:20])
    await read(telegram, FIRST, 2)

    report = await read(telegram, FIRST + 24 * HOUR, 3, force=force)

    assert report.outcome == "fetched"
    assert [each["id"] for each in telegram.day("gone_busy", DAY)["messages"]] == chat.ids()
    assert telegram.told()[-1]["messages_deleted"] == 20
    assert read_candidate(paths) is None
    assert not paths.candidate.exists()
    assert telegram.is_complete(paths)
    kept = {path.read_bytes() for path in paths.versions.iterdir()}
    assert kept == {old[paths.day_file], old[paths.raw]}


async def test_an_emptied_day_is_confirmed_by_another_empty_reading(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    chat.delete(chat.ids())
    assert is_doubted(await read(telegram, FIRST, 2))

    assert (await read(telegram, FIRST + 25 * HOUR, 3)).outcome == "fetched"

    assert telegram.day("gone_busy", DAY)["messages"] == []
    assert read_candidate(paths) is None


async def test_a_reading_that_shows_the_messages_again_drops_the_candidate(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    gone = chat.ids()[:20]
    chat.delete(gone)
    await read(telegram, FIRST, 2)
    chat.bring_back(gone)

    report = await read(telegram, FIRST + HOUR, 3)

    assert report.outcome == "unchanged"
    assert read_candidate(paths) is None
    assert telegram.done("gone_busy") == {DAY}
    chat.delete(gone)
    assert is_doubted(await read(telegram, FIRST + 30 * HOUR, 4)), "it is the first reading again"


async def test_a_second_reading_that_lacks_others_confirms_nothing(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    everything = chat.ids()
    chat.delete(everything[:20])
    await read(telegram, FIRST, 2)
    chat.bring_back(everything[:20])
    chat.delete(everything[20:40])

    assert is_doubted(await read(telegram, FIRST + 25 * HOUR, 3))

    assert message_ids(paths.candidate_raw) == set(chat.ids())
    assert (await read(telegram, FIRST + 50 * HOUR, 4)).outcome == "fetched"


async def test_the_unfinished_day_is_doubted_too_and_read_on(fetching: Start) -> None:
    noon = datetime(2025, 11, 6, 23, 59, tzinfo=UTC)
    telegram, chat, paths = await started(fetching, now=noon)
    coverage = telegram.proved(paths)
    assert coverage is not None
    assert not coverage.final
    gone = chat.ids()[:20]
    chat.delete(gone)

    assert is_doubted(await read(telegram, noon + timedelta(seconds=5), 2, force=False))
    assert len(telegram.day("gone_busy", DAY)["messages"]) == 50
    chat.bring_back(gone)
    report = await read(telegram, noon + timedelta(seconds=10), 3, force=False)
    assert report.outcome == "unchanged"
    assert read_candidate(paths) is None


async def test_messages_that_vanish_from_an_unfinished_day_stay_in_a_version(fetching: Start) -> None:
    noon = datetime(2025, 11, 6, 23, 59, tzinfo=UTC)
    telegram, chat, paths = await started(fetching, now=noon)
    old = paths.day_file.read_bytes()
    chat.delete(chat.ids()[:2])

    assert (await read(telegram, noon + timedelta(seconds=5), 2)).outcome == "fetched"

    assert [path.read_bytes() for path in paths.versions.glob("*.json")] == [old]


async def test_a_day_that_a_limit_cuts_is_no_deletion(fetching: Start) -> None:
    telegram, _, paths = await started(fetching)

    assert (await read(telegram, FIRST + HOUR, 2, limit=5)).outcome == "fetched"
    assert (await read(telegram, FIRST + 2 * HOUR, 3)).outcome == "fetched"
    assert read_candidate(paths) is None


async def test_other_days_of_the_walk_are_kept(fetching: Start) -> None:
    telegram = fetching(WORLD, now=FIRST)
    key = await telegram.resolve("gone_busy")
    days = days_between("2025-11-05", "2025-11-07")
    await telegram.fetch(key, days)
    chat = Chat(telegram)
    chat.delete(chat.ids()[:20])

    reports = await telegram.at(FIRST + HOUR).fetch(key, days, request_id="fetch-2", force=True)

    assert [report.outcome for report in reports] == ["unchanged", "failed", "unchanged"]


@pytest.mark.parametrize("lost", ["day file", "day file damaged", "record", "raw file", "all but the record"])
async def test_what_is_left_of_the_kept_day_is_enough_to_doubt(fetching: Start, lost: str) -> None:
    telegram, chat, paths = await started(fetching)
    chat.delete(chat.ids()[:20])
    if lost == "day file damaged":
        paths.day_file.write_bytes(paths.day_file.read_bytes()[:2000])
    if lost in {"day file", "all but the record"}:
        paths.day_file.unlink()
    if lost in {"raw file", "all but the record"}:
        paths.raw.unlink()
    if lost == "record":
        telegram.lose_record(paths)

    assert is_doubted(await read(telegram, FIRST + HOUR, 2))


def accept(telegram: Fetching) -> Any:
    return accept_day("gone_busy", DAY, telegram.context)


async def test_a_person_accepts_the_deletion_without_a_request(fetching: Start) -> None:
    telegram, chat, paths = await started(fetching)
    old = files(paths)
    gone = chat.ids()[:20]
    chat.delete(gone)
    await read(telegram, FIRST + HOUR, 2)
    telegram.sandbox.clear_requests()

    accepted = accept(telegram)

    assert telegram.sandbox.requests == []
    assert accepted.coverage.message_count == 30
    assert [each["id"] for each in telegram.day("gone_busy", DAY)["messages"]] == chat.ids()
    assert message_ids(paths.raw) == set(chat.ids())
    event = telegram.told()[-1]
    assert event["event"] == "messages_fetched"
    assert event["checksum_sha256"] == accepted.coverage.checksum_sha256
    assert event["messages_deleted"] == 20
    assert accepted.coverage.fetched_at == FIRST + HOUR
    assert telegram.is_complete(paths)
    assert telegram.done("gone_busy") == {DAY}
    assert {old[paths.day_file], old[paths.raw]} == {path.read_bytes() for path in paths.versions.iterdir()}
    assert (await read(telegram, FIRST + 2 * HOUR, 3)).outcome == "unchanged"
    with pytest.raises(FetchError, match="no deletion waits to be accepted"):
        accept(telegram)


async def test_the_limits_are_settings(fetching: Start) -> None:
    telegram = fetching(WORLD, now=FIRST, deletion_share=0.5, deletion_messages=5, deletion_confirm_hours=1)
    await telegram.resolve("gone_busy")
    await read(telegram, FIRST, 1)
    chat = Chat(telegram)
    chat.delete(chat.ids()[:24])
    assert (await read(telegram, FIRST, 2)).outcome == "fetched"
    chat.delete(chat.ids()[:13])
    assert is_doubted(await read(telegram, FIRST, 3))
    assert (await read(telegram, FIRST + HOUR, 4)).outcome == "fetched"
