"""Who wrote: one's own messages in private chats, and people and chats that share a number."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
from telethon.tl import types

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.storage.raw_file import RawWriter, read_raw
from tg_fetcher_dagster.telegram.records import LAYER, record_of
from tg_fetcher_dagster_tests.fetching.odd import Start, odd_group
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND

DAYS = days_between("2025-11-05", "2025-11-07")
DAY = DAYS[-1]
NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)


def without_senders(answer: Any, _request: Any) -> Any:
    """As Telegram gives private chats: no message names its sender, `out` tells whose it is."""
    for message in answer.messages:
        message.from_id = None
    return answer


async def private_chat(fetching: Start) -> tuple[Fetching, str]:
    telegram = fetching(EVERY_KIND)
    telegram.sandbox.rewrite("messages.getHistory", without_senders)
    key = await telegram.resolve("anna_p")
    await telegram.fetch(key, DAYS)
    return telegram, key


def senders(telegram: Fetching, key: str, day: date) -> list[int | None]:
    return [message["sender_id"] for message in telegram.day(key, day)["messages"]]


async def test_every_message_of_a_private_chat_has_its_sender_on_pages_that_span_days(
    fetching: Start,
) -> None:
    telegram, key = await private_chat(fetching)
    own = telegram.sandbox.world.accounts[0].user_id
    told = telegram.truth()["talk"]["days"]
    for day in DAYS:
        true = [each["sender_id"] for each in told[day.isoformat()]["messages"]]
        assert senders(telegram, key, day) == true
        assert {own} < set(true)
        assert telegram.day(key, day)["senders"][str(own)] != f"user_{own}"
        assert next(read_raw(telegram.context.store.day(key, day).raw))["account_user_id"] == own


async def test_old_days_of_a_private_chat_are_mended_by_what_another_day_tells(fetching: Start) -> None:
    telegram, key = await private_chat(fetching)
    before = senders(telegram, key, DAY)
    paths = telegram.context.store.day(key, DAY)
    lines = list(read_raw(paths.raw))
    rewrite(paths.raw, without_the_account(lines))

    telegram.rebuild(key, DAY)

    assert senders(telegram, key, DAY) == before


async def test_where_no_file_tells_whose_account_it_was_the_sender_stays_unknown(fetching: Start) -> None:
    telegram, key = await private_chat(fetching)
    for day in DAYS:
        path = telegram.context.store.day(key, day).raw
        rewrite(path, without_the_account(list(read_raw(path))))

    telegram.rebuild(key, DAY)

    other = telegram.truth()["talk"]["marked_id"]
    told = telegram.truth()["talk"]["days"][DAY.isoformat()]["messages"]
    ours = {each["id"] for each in told if each["sender_id"] != other}
    kept = telegram.day(key, DAY, nobody=ours)["messages"]
    assert {each["sender_id"] for each in kept} == {other, None}


def without_the_account(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of a raw file as versions before this one wrote them for a page that spans days."""
    del lines[0]["account_user_id"]
    lines[0]["identity"].pop("reader_user_id", None)
    return [line for line in lines if not line.get("value", {}).get("is_self")]


def rewrite(path: Any, lines: list[dict[str, Any]]) -> None:
    writer = RawWriter(path)
    for line in lines:
        writer.write(orjson.dumps(line))
    writer.seal()
    writer.publish()


async def test_a_user_a_group_and_a_channel_of_one_number_are_kept_apart(fetching: Start) -> None:
    telegram = await odd_group(fetching)
    identity = telegram.context.identities.get("odd_group")
    assert identity is not None
    chats = [
        types.Chat(5, "Basic", types.ChatPhotoEmpty(), 2, NOON, 1),
        types.Channel(5, "Channel", types.ChatPhotoEmpty(), NOON),
        types.Community(5, "Community", types.ChatPhotoEmpty(), NOON),
    ]
    people = [types.PeerChat(5), types.PeerChannel(5), types.PeerUser(5)]
    builder = begun(telegram, identity)
    builder.add_entities([record_of(types.User(5, first_name="User"))], [record_of(chat) for chat in chats])
    for number, peer in enumerate(people):
        message = types.Message(9 - number, types.PeerChannel(1), NOON, "x", from_id=peer)
        builder.add_message(record_of(message))
    participants = orjson.loads(builder.assemble().sides.participants)
    builder.discard()

    assert {each["id"]: each["name"] for each in participants["participants"]} == {
        5: "User", -5: "Basic", -1_000_000_000_005: "Channel"
    }  # fmt: skip
    assert participants["no_peers"] == [{"type": "community", "id": "5", "title": "Community"}]


def begun(telegram: Fetching, identity: ChatIdentity) -> DayBuilder:
    context = telegram.context
    builder = DayBuilder(
        paths=context.store.day("odd_group", DAY),
        identity=identity,
        day=DAY,
        options=context.options,
        ledger=context.ledger,
    )
    builder.begin(identity=identity, day=DAY, layer=LAYER, fetched_at=NOON)
    return builder


async def test_a_raw_file_of_todays_format_gives_its_words_when_it_is_rebuilt(fetching: Start) -> None:
    telegram = await odd_group(fetching)
    [report] = await telegram.fetch("odd_group", [DAY])
    assert report.coverage is not None
    paths = telegram.context.store.day("odd_group", DAY)
    head, end = read_raw(paths.raw)
    # As the version before this one wrote it: no account in the head, nothing said of the rich part.
    del head["account_user_id"]
    rich = {"_": "RichMessage", "photos": [], "documents": [], "rtl": False, "part": False, "blocks": [
        {"_": "PageBlockParagraph", "text": {"_": "TextUrl", "text": {"_": "TextPlain", "text": "words"},
         "url": "https://example.com/x", "webpage_id": 0}}]}  # fmt: skip
    value = {"_": "Message", "id": 1, "peer_id": {"_": "PeerChannel", "channel_id": 700},
             "date": "2025-11-07T10:00:00+00:00", "message": "", "rich_message": rich}  # fmt: skip
    rewrite(paths.raw, [head, {"kind": "message", "value": value}, end])

    rebuilt = telegram.rebuild("odd_group", DAY)

    assert rebuilt.outcome == "changed"
    [message] = telegram.day("odd_group", DAY)["messages"]
    assert (message["text"], message["token_count"]) == ("words", 2)
    assert message["normalized_links"] == ["https://example.com/x"]
