"""Telethon clients and small worlds for the tests of the protocol."""

from contextlib import asynccontextmanager

from telethon import TelegramClient
from telethon.sessions import StringSession

SMALL = {
    "seed": 3,
    "days": {"from": "2025-11-06", "to": "2025-11-07"},
    "accounts": [
        {"name": "main", "phone": "+15550001001", "code": "12345"},
        {"name": "second", "phone": "+15550001002"},
        {
            "name": "locked",
            "phone": "+15550001003",
            "code": "54321",
            "password": "пароль",
            "signed_in": False,
        },
        {"name": "fresh", "phone": "+15550001004", "code": "11111", "signed_in": False},
    ],
    "chats": {"busy": {"type": "supergroup", "username": "busy_group", "messages_per_day": 130}},
}
"""One supergroup with 260 posts, accounts with and without a ready session."""


def client_for(telegram, session=None, **options):
    """A client that gives up at once instead of trying again and again."""
    fresh = StringSession()
    fresh.set_dc(2, telegram.host, telegram.port)
    defaults = {
        "receive_updates": False,
        "flood_sleep_threshold": 0,
        "request_retries": 1,
        "raise_last_call_error": True,
        "connection_retries": 2,
        "retry_delay": 0,
    }
    return TelegramClient(StringSession(session) if session else fresh, 1, "0" * 32, **(defaults | options))


@asynccontextmanager
async def signed_in(telegram, account="main", **options):
    """A connected client with the account's ready session."""
    client = client_for(telegram, telegram.sessions[account], **options)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def ids_of_busy(client):
    """The ids of all messages of the small world's only chat."""
    return [message.id async for message in client.iter_messages("busy_group", wait_time=0)]


def true_ids(telegram):
    """The ids that a whole read must give, newest first."""
    days = telegram.truth(chats=["busy"])["chats"]["busy"]["days"]
    return [message["id"] for day in sorted(days, reverse=True) for message in days[day]["messages"]]
