"""The world as an unmodified Telethon client reads it over TCP, by its own high-level calls."""

from contextlib import asynccontextmanager

import pytest
from telethon import TelegramClient
from telethon.errors import ChannelPrivateError, MsgIdInvalidError
from telethon.sessions import StringSession
from telethon.tl import types
from telethon.utils import get_display_name, get_peer_id

from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND


@asynccontextmanager
async def connected(telegram, account="main"):
    client = TelegramClient(
        StringSession(telegram.sessions[account]), 1, "0" * 32, receive_updates=False, flood_sleep_threshold=0
    )
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def true_messages(telegram, name, **options):
    """All of a chat's messages by the truth, newest first."""
    days = telegram.truth(chats=[name], **options)["chats"][name]["days"]
    return [message for day in sorted(days, reverse=True) for message in days[day]["messages"]]


async def entity_of(client, telegram, name):
    wanted = telegram.world.chats[name].peer
    return next(dialog.entity for dialog in await client.get_dialogs() if dialog.id == wanted)


@pytest.mark.parametrize("name", ["news", "busy", "forum", "forum_before", "family", "talk", "quiet"])
async def test_a_chat_is_read_as_it_truly_is(telegram_sandbox, name):
    telegram = telegram_sandbox(EVERY_KIND)
    async with connected(telegram) as client:
        entity = await entity_of(client, telegram, name)
        read = [message async for message in client.iter_messages(entity, wait_time=0)]
    true = true_messages(telegram, name)
    assert [message.id for message in read] == [message["id"] for message in true]
    for message, expected in zip(read, true, strict=True):
        assert message.date.strftime("%Y-%m-%dT%H:%M:%SZ") == expected["date"]
        assert (message.message or "") == (expected["text"] or "")
        assert message.sender_id == expected["sender_id"]
        assert (get_display_name(message.sender) or None) == expected["sender_name"]
        assert _reactions(message) == [tuple(one.values()) for one in expected["reactions"]]


def _reactions(message):
    found = message.reactions.results if getattr(message, "reactions", None) else []
    return [(_emoji(one.reaction), one.count) for one in found]


def _emoji(reaction):
    if isinstance(reaction, types.ReactionCustomEmoji):
        return f"custom:{reaction.document_id}"
    return getattr(reaction, "emoticon", "paid")


async def test_a_chat_is_read_oldest_first_too(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    async with connected(telegram) as client:
        read = [one.id async for one in client.iter_messages("busy_group", reverse=True, wait_time=0)]
    assert read == [message["id"] for message in reversed(true_messages(telegram, "busy"))]


async def test_comments_are_read_by_their_post(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    posts = [post for post in true_messages(telegram, "news") if post.get("comments")]
    async with connected(telegram) as client:
        for post in posts[:5]:
            read = [
                one.id
                async for one in client.iter_messages(
                    "Sandbox_News", reply_to=post["id"], reverse=True, wait_time=0
                )
            ]
            assert read == [comment["id"] for comment in post["comments"]]
        with pytest.raises(MsgIdInvalidError):
            await client.get_messages("Sandbox_News", reply_to=9999)


async def test_each_account_reads_its_own_numbers_in_a_basic_group(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    numbers = {}
    for account in ("main", "second"):
        async with connected(telegram, account) as client:
            entity = await entity_of(client, telegram, "family")
            numbers[account] = [one.id async for one in client.iter_messages(entity, wait_time=0)]
        assert numbers[account] == [one["id"] for one in true_messages(telegram, "family", account=account)]
    assert not set(numbers["main"]) & set(numbers["second"])


async def test_what_cannot_be_read_is_refused_by_its_name(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    async with connected(telegram) as client:
        secret = await entity_of(client, telegram, "secret")
        with pytest.raises(ChannelPrivateError):
            await client.get_messages(secret)
        with pytest.raises(ValueError, match="nobody_here"):
            await client.get_input_entity("nobody_here")


async def test_a_change_is_seen_by_the_next_reader(telegram_sandbox):
    telegram = telegram_sandbox(EVERY_KIND)
    async with connected(telegram) as client:
        (before,) = await client.get_messages("quiet_group", limit=1)
        telegram.world.edit("quiet", before.id, text="changed")
        (after,) = await client.get_messages("quiet_group", limit=1)
        assert after.message == "changed"
        telegram.world.delete("quiet", before.id)
        assert await client.get_messages("quiet_group", ids=before.id) is None


async def test_a_chat_that_was_never_joined_is_read_by_its_username(telegram_sandbox):
    chats = {"open": {"type": "supergroup", "username": "open_chat", "messages_per_day": 3, "accounts": []}}
    telegram = telegram_sandbox({"days": EVERY_KIND["days"], "chats": chats})
    async with connected(telegram) as client:
        assert [dialog async for dialog in client.iter_dialogs()] == []
        entity = await client.get_entity("open_chat")
        assert entity.left
        assert len(await client.get_messages(entity, limit=50)) == 9
        assert get_peer_id(entity) == telegram.world.chats["open"].peer
