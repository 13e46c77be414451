"""A day is named as its chat was when it was read; who the chat is follows the pages, at no request."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.ledger.chats import chats_version
from tg_fetcher_dagster.storage.raw_file import read_raw
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between

Start = Callable[..., Fetching]

WORLD: dict[str, Any] = {
    "seed": 3,
    "days": {"from": "2025-11-01", "to": "2025-11-07"},
    "accounts": [
        {"name": "main", "phone": "+15550001001"},
        {"name": "second", "phone": "+15550001002", "signed_in": True},
    ],
    "users": {"fred": {"id": 4242, "first_name": "Fred", "username": "sight_fred"}},
    "chats": {
        "talk": {"type": "supergroup", "username": "Sight_Talk", "title": "Old", "messages_per_day": 40},
        "other": {"type": "channel", "username": "sight_other", "messages_per_day": 2, "id": 7002},
        "fred": {"type": "private", "with": "fred", "messages_per_day": 4},
        "club": {"type": "group", "messages_per_day": 4, "id": 501},
    },
}
DAYS = days_between("2025-11-05", "2025-11-07")


async def test_the_first_page_names_the_day_that_is_read_with_it(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("@sight_talk")
    telegram.sandbox.world.retitle("talk", "New")
    telegram.sandbox.world.rename("talk", None)
    telegram.sandbox.world.set_forum("talk", forum=True)
    telegram.sandbox.clear_requests()

    reports = await telegram.fetch(key, DAYS)

    asked = {record["method"] for record in telegram.sandbox.requests}
    assert not asked & {"contacts.resolveUsername", "channels.getFullChannel", "channels.getChannels"}
    assert telegram.sandbox.count("messages.getHistory") == 2
    number = -telegram.sandbox.world.chats["talk"].peer - 10**12
    for day in DAYS:
        source = telegram.day(key, day)["source_info"]
        assert (source["title"], source["url"]) == ("New", f"https://t.me/c/{number}")
        assert source["forum"]
        assert "username" not in source
        assert source["id"] == "@sight_talk"
        head = next(read_raw(telegram.context.store.day(key, day).raw))
        assert head["identity"]["title"] == "New"
    assert all(report.coverage and report.coverage.message_count == 40 for report in reports)
    known = telegram.context.identities.get(key)
    assert known is not None
    assert (known.title, known.username, known.forum) == ("New", None, True)


async def test_a_title_that_changes_in_the_middle_names_the_days_read_after_it(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("@sight_talk")
    days = days_between("2025-11-01", "2025-11-07")

    def retitled(answer: Any, _request: Any) -> Any:
        for chat in answer.chats:
            chat.title = "New"
        return answer

    telegram.sandbox.rewrite("messages.getHistory", retitled, after=1)
    await telegram.fetch(key, days)

    titles = [telegram.day(key, day)["source_info"]["title"] for day in days]
    # 280 messages: the second page begins in the day that the first one ends in.
    assert titles == ["New"] * 4 + ["Old"] * 3
    for day in days:
        rebuilt = telegram.rebuild(key, day)
        assert rebuilt.outcome == "unchanged"
    telegram.sandbox.clear_rewrites()
    telegram.sandbox.world.retitle("talk", "Newer")
    await telegram.fetch(key, days[-1:], request_id="fetch-2", force=True)
    assert telegram.day(key, days[-1])["source_info"]["title"] == "Newer"
    assert telegram.day(key, days[0])["source_info"]["title"] == "New"


async def test_pages_that_say_nothing_new_write_nothing(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("@sight_talk")
    before = version(telegram)
    await telegram.fetch(key, DAYS)
    assert version(telegram) == before
    telegram.sandbox.world.retitle("talk", "New")
    await telegram.fetch(key, days_between("2025-11-01", "2025-11-04"), request_id="fetch-2")
    assert version(telegram) != before


def version(telegram: Fetching) -> str | None:
    with telegram.context.ledger.read() as connection:
        return chats_version(connection)


async def test_a_name_that_moved_names_both_chats_in_the_events_and_the_key_stays_the_old_chats(
    fetching: Start,
) -> None:
    telegram = fetching(WORLD)
    identities = telegram.context.identities
    key = await telegram.resolve("@sight_talk")
    telegram.sandbox.world.rename("other", "Sight_Talk")

    new = await telegram.resolve("@sight_talk")

    assert new == "channel_7002"
    telegram.sandbox.clear_requests()
    old_reports = await telegram.fetch(key, DAYS[-1:])
    await telegram.fetch(new, DAYS[-1:], request_id="fetch-2")
    assert telegram.sandbox.count("contacts.resolveUsername") == 0
    assert [report.coverage.message_count for report in old_reports if report.coverage] == [40]
    assert len(telegram.day(new, DAYS[-1])["messages"]) == 2
    told = [event for event in telegram.events() if event["event"] == "messages_fetched"]
    assert {event["chat"] for event in told} == {"sight_talk", "channel_7002"}
    for event in told:
        assert "(kept as sight_talk) and means channel_7002 now" in event["notice"]
    assert telegram.day(key, DAYS[-1])["source_info"]["url"].startswith("https://t.me/c/")
    assert telegram.day(new, DAYS[-1])["source_info"]["url"] == "https://t.me/Sight_Talk"
    identities.confirm("sight_talk")
    await telegram.fetch(key, DAYS[-1:], request_id="fetch-3", force=True)
    assert telegram.events()[-1]["notice"] is None


async def test_a_page_that_shows_a_name_lost_tells_it_and_the_next_ask_is_asked_anew(
    fetching: Start,
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("@sight_talk")
    spelling = parse_spelling("@sight_talk")
    telegram.sandbox.world.rename("other", "sight_talk")
    assert telegram.context.identities.find(spelling) is not None, "nothing has shown it yet"

    await telegram.fetch(key, DAYS[-1:])

    assert telegram.context.identities.find(spelling) is None
    fetched = [event for event in telegram.events() if event["event"] == "messages_fetched"]
    assert [event["notice"] for event in fetched] == [
        "@sight_talk leads to sight_talk no more: who asks for @sight_talk next, asks Telegram whose it is"
    ]


async def test_a_chat_that_is_lost_with_its_name_fails_and_says_who_has_the_name(fetching: Start) -> None:
    telegram = fetching(WORLD)
    identities = telegram.context.identities
    key = await telegram.resolve("@sight_talk")
    telegram.rewrite(key, marked_id=-1000000000777)

    [report] = await telegram.fetch(key, DAYS[-1:])

    assert report.error is not None
    assert report.error.error_type is ErrorType.NOT_FOUND
    assert "@Sight_Talk means channel_" in report.error.message
    [moved] = identities.moved()
    assert (moved.chat.key, moved.owner) == (key, telegram.sandbox.world.chats["talk"].peer)


async def test_a_stale_hash_is_mended_by_the_page_that_follows(fetching: Start) -> None:
    telegram = fetching(WORLD)
    identities = telegram.context.identities
    key = await telegram.resolve("@sight_talk")
    known = identities.get(key)
    assert known is not None
    identities.follow(known.model_copy(update={"access_hashes": dict.fromkeys(known.access_hashes, 5)}))

    [report] = await telegram.fetch(key, DAYS[-1:])

    assert report.outcome == "fetched"
    mended = identities.get(key)
    assert mended is not None
    assert mended.access_hashes == known.access_hashes


async def test_each_days_coverage_names_the_user_who_read_it(fetching: Start) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve("@sight_fred")
    [report] = await telegram.fetch(key, DAYS[-1:])
    assert report.coverage is not None
    assert report.coverage.account_user_id == telegram.sandbox.world.account("main").user_id


async def test_another_user_under_the_label_does_not_go_on_with_a_private_chat(fetching: Start) -> None:
    telegram = fetching(WORLD)
    for spelling in ("@sight_fred", "-501"):
        key = await telegram.resolve(spelling)
        await telegram.fetch(key, DAYS[-1:], request_id=f"first-{key}")
    AccountStore(telegram.context.settings.session_dir).save("main", telegram.sandbox.sessions["second"])

    for key in ("sight_fred", "chat_501"):
        [report] = await telegram.fetch(key, DAYS[:1], request_id=f"second-{key}")
        assert report.error is not None
        assert report.error.error_type is ErrorType.NO_ACCESS
        assert "hold the message ids of the Telegram user" in report.error.message
        assert not telegram.context.store.day(key, DAYS[0]).day_file.exists()


async def test_a_group_whose_supergroup_has_a_key_of_its_own_says_where_it_went(fetching: Start) -> None:
    telegram = fetching(WORLD, now=datetime(2025, 11, 12, 12, tzinfo=UTC))
    identities = telegram.context.identities
    moment = int(datetime(2025, 11, 8, 9, tzinfo=UTC).timestamp())
    name = telegram.sandbox.world.migrate("club", at=moment)
    telegram.sandbox.world.rename(name, "sight_club")
    home = await telegram.resolve("@sight_club")
    known = identities.get(home)
    assert known is not None
    identities.remove(home)
    identities.record(known.model_copy(update={"migrated_from_chat_id": None}))
    own = await telegram.resolve("-501")
    assert (own, home) == ("chat_501", "sight_club")

    reports = await telegram.fetch(own, days_between("2025-11-06", "2025-11-09"))

    lost = {report.day.day: report.coverage.lost for report in reports if report.coverage}
    assert [len(telegram.day(own, report.day)["messages"]) for report in reports] == [4, 5, 1, 0]
    assert (lost[6], lost[7]) == ((), ())
    for day in (8, 9):
        assert [(loss.what, loss.why) for loss in lost[day]] == [
            (
                "messages after the group became a supergroup",
                "they belong to sight_club: fetch that chat",
            )
        ]
    group, supergroup = identities.get(own), identities.get(home)
    assert group is not None
    assert supergroup is not None
    assert (group.marked_id, group.migrated_to_id) == (-501, supergroup.marked_id)
    assert supergroup.migrated_from_chat_id == 501


async def test_a_migrated_group_is_found_by_either_id(fetching: Start) -> None:
    telegram = fetching(WORLD, now=datetime(2025, 11, 10, 12, tzinfo=UTC))
    identities = telegram.context.identities
    key = await telegram.resolve("-501")
    moment = int(datetime(2025, 11, 8, 9, tzinfo=UTC).timestamp())
    after = telegram.sandbox.world.chats[telegram.sandbox.world.migrate("club", at=moment)]

    [report] = await telegram.fetch(key, [date(2025, 11, 8)], request_id="fetch-2")

    assert report.outcome == "fetched"
    source = telegram.day(key, date(2025, 11, 8))["source_info"]
    assert (source["type"], source["key"], source["marked_id"]) == ("supergroup", key, after.peer)
    for spelling in ("-501", str(after.peer)):
        found = identities.find(parse_spelling(spelling))
        assert found is not None
        assert found.key == key
