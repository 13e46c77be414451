"""Rich messages that come in part are asked for whole, one request each, or their day names what it lacks."""

from datetime import date
from typing import Any

import pytest
from telethon.tl import types

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster_tests.fetching.odd import NAME, USERNAME, Start, at, message, odd_group
from tg_fetcher_dagster_tests.fetching.reading import Fetching
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAY = date(2025, 11, 7)
ASKED = "messages.getRichMessage"


def rich(*texts: str, part: bool = False) -> types.RichMessage:
    blocks = [types.PageBlockParagraph(types.TextPlain(text)) for text in texts]
    return types.RichMessage(blocks=blocks, photos=[], documents=[], part=part)


def put(telegram: Fetching, number: int, *, part: bool, whole: bool = True) -> None:
    """Lets a rich message stand in the group, in part or not, and says what the whole of it is."""
    beginning = message(telegram, number, at(7), message="", rich_message=rich("first words", part=part))
    telegram.sandbox.put(NAME, beginning)
    if part and whole:
        all_of_it = rich("first words", "last words")
        telegram.sandbox.put_whole(NAME, message(telegram, number, at(7), message="", rich_message=all_of_it))


def lost(telegram: Fetching) -> tuple[Loss, ...]:
    coverage = telegram.proved(telegram.context.store.day(USERNAME, DAY))
    assert coverage is not None
    return coverage.lost


def shown(telegram: Fetching) -> dict[int, dict[str, Any]]:
    return {each["id"]: each for each in telegram.day(USERNAME, DAY)["messages"]}


async def test_a_message_in_part_is_asked_for_whole_once_and_others_are_not(fetching: Start) -> None:
    telegram = await odd_group(fetching, [at(7)])
    put(telegram, 2, part=True)
    put(telegram, 3, part=False)

    await telegram.fetch(USERNAME, [DAY])

    messages = shown(telegram)
    assert messages[2]["text"] == "first words\n\nlast words"
    assert messages[3]["text"] == "first words"
    assert "rich_partial" not in messages[2]
    assert telegram.sandbox.count(ASKED) == 1
    assert lost(telegram) == ()


async def test_a_rebuild_gives_the_whole_again_without_a_request(fetching: Start) -> None:
    telegram = await odd_group(fetching, [at(7)])
    put(telegram, 2, part=True)
    await telegram.fetch(USERNAME, [DAY])
    before = telegram.context.store.day(USERNAME, DAY).day_file.read_bytes()
    telegram.sandbox.clear_requests()

    rebuilt = telegram.rebuild(USERNAME, DAY)

    assert rebuilt.outcome == "unchanged"
    assert telegram.context.store.day(USERNAME, DAY).day_file.read_bytes() == before
    assert telegram.sandbox.requests == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("MESSAGE_ID_INVALID", "MESSAGE_ID_INVALID"),
        ("CHAT_ADMIN_REQUIRED", "CHAT_ADMIN_REQUIRED"),
        ("RICH_MESSAGE_TOO_OLD", "RICH_MESSAGE_TOO_OLD"),
    ],
)
async def test_what_cannot_be_had_whole_is_a_loss_that_the_day_names(
    fetching: Start, error: str, why: str
) -> None:
    telegram = await odd_group(fetching, [at(7)])
    put(telegram, 2, part=True)
    telegram.sandbox.add_fault(method=ASKED, error=error)

    [report] = await telegram.fetch(USERNAME, [DAY])

    assert report.outcome == "fetched"
    [loss] = lost(telegram)
    assert loss.what == "words of message 2"
    assert loss.why.startswith("it came in part: ")
    assert why in loss.why
    assert (loss.first_id, loss.last_id, loss.count) == (2, 2, 1)
    assert shown(telegram)[2]["text"] == "first words"
    assert shown(telegram)[2]["rich_partial"] is True


async def test_one_that_comes_in_part_again_is_a_loss_too(fetching: Start) -> None:
    telegram = await odd_group(fetching, [at(7)])
    put(telegram, 2, part=True, whole=False)
    await telegram.fetch(USERNAME, [DAY])
    assert [loss.why for loss in lost(telegram)] == ["it came in part: Telegram gave only part of it again"]
    assert telegram.sandbox.count(ASKED) == 1


async def test_a_long_flood_wait_fails_the_day_instead_of_losing_words(fetching: Start) -> None:
    telegram = await odd_group(fetching, [at(7)])
    put(telegram, 2, part=True)
    telegram.sandbox.add_fault(method=ASKED, flood_wait=5000)

    [report] = await telegram.fetch(USERNAME, [DAY])

    assert report.error is not None
    assert report.error.error_type is ErrorType.RATE_LIMIT


async def test_a_comment_in_part_is_asked_for_in_its_group(fetching: Start) -> None:
    telegram = fetching(EVERY_KIND)
    world = telegram.sandbox.world
    key = await telegram.resolve("Sandbox_News")
    told = telegram.truth()["news"]["days"]["2025-11-07"]["messages"]
    post = next(each for each in told if each.get("comments"))
    channel = world.chats["news"]
    group = world.chats[str(channel.linked)]
    root = world.history(channel, world.accounts[0]).roots[post["id"]]
    comment = post["comments"][0]
    peer = types.PeerChannel(-group.peer - 10**12)
    header = types.MessageReplyHeader(reply_to_msg_id=root, reply_to_top_id=root)
    fields = {"id": comment["id"], "peer_id": peer, "date": at(7), "message": "", "reply_to": header}
    telegram.sandbox.put(group.name, types.Message(**fields, rich_message=rich("first", part=True)))
    telegram.sandbox.put_whole(group.name, types.Message(**fields, rich_message=rich("first", "last")))

    await telegram.fetch(key, [DAY])

    kept = next(each for each in telegram.day(key, DAY)["messages"] if each["id"] == post["id"])
    assert kept["comments"][0]["text"] == "first\n\nlast"
    assert telegram.sandbox.count(ASKED) == 1
    before = telegram.context.store.day(key, DAY).day_file.read_bytes()
    telegram.rebuild(key, DAY)
    assert telegram.context.store.day(key, DAY).day_file.read_bytes() == before
