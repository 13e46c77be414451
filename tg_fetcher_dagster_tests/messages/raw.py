"""Raw records as the day's assembly gets them: Telethon's objects as plain JSON data."""

import base64
import datetime as dt

import orjson
import telethon  # noqa: F401 - it replaces types.Message by its own class
from telethon.tl import types

from tg_fetcher_dagster.messages.day import DayAssembly, MappingOptions
from tg_fetcher_dagster.messages.schema import SourceInfo

CHAT = 123
CHAT_MARKED = -1_000_000_000_123
NOON = dt.datetime(2025, 11, 7, 12, tzinfo=dt.UTC)
DAY = dt.date(2025, 11, 7)
OPTIONS = MappingOptions(
    timezone="UTC",
    schema_version="1.0",
    preprocessing_version="1",
    links=True,
    tokens=True,
    classify=True,
    language=True,
)


def plain(tl_object):
    return orjson.loads(
        orjson.dumps(tl_object.to_dict(), default=lambda value: base64.b64encode(value).decode())
    )


def message(message_id=1, text="hello", *, peer=None, date=NOON, **fields):
    peer = peer or types.PeerChannel(CHAT)
    return plain(types.Message(id=message_id, peer_id=peer, date=date, message=text, **fields))


def service(action, message_id=1, **fields):
    return plain(
        types.MessageService(
            id=message_id, peer_id=types.PeerChannel(CHAT), date=NOON, action=action, **fields
        )
    )


def user(user_id, first_name=None, last_name=None, **fields):
    return plain(types.User(id=user_id, first_name=first_name, last_name=last_name, **fields))


def channel(channel_id, title, **fields):
    return plain(types.Channel(id=channel_id, title=title, photo=types.ChatPhotoEmpty(), date=NOON, **fields))


def source(kind="supergroup", **fields):
    return SourceInfo(
        **{
            "id": "@ru_python",
            "title": "Ru Python",
            "url": "https://t.me/ru_python",
            "type": kind,
            "key": "ru_python",
            "marked_id": CHAT_MARKED,
            **fields,
        }
    )


def assembly(kind="supergroup", options=OPTIONS, **fields):
    return DayAssembly(source=source(kind, **fields), day=DAY, options=options)


def mapped(value, *, kind="supergroup", users=(), chats=(), comments=None, unavailable=None, **fields):
    """One message through a day of its own, as a reader of the file gets it."""
    day = assembly(kind, **fields)
    day.add_entities(users, chats)
    return orjson.loads(day.add_message(value, comments, comments_unavailable=unavailable))
