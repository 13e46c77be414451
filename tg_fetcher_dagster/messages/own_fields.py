"""Telegram's own fields, for what has no key of ours: nothing is lost for being rare or new.

A record becomes an object with its constructor's name as `type` and its fields under Telegram's names; what
`left_out.py` lists is not there. Peers and bare chat ids become marked ids, numbers beyond 2^53 strings.
"""

from functools import cache
from typing import Any

from tg_fetcher_dagster.chats.ids import channel_marked_id, group_marked_id
from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.left_out import LEFT_OUT
from tg_fetcher_dagster.messages.peers import RawRecord, marked_entity_id, marked_id

_ALWAYS_TEXT = frozenset(
    {
        "icon_emoji_id", "emoji_id", "document_id", "background_emoji_id", "game_id", "call_id", "photo_id",
        "poster_photo_id", "author_photo_id", "audio_id", "video_id", "pattern_document_id", "gift_emoji_id",
        "collectible_id", "effect", "icon",
    }
)  # fmt: skip
_CHANNELS = frozenset({"channel_id", "channels", "linked_monoforum_id"})
_LARGEST_SAFE = 2**53 - 1
_NEVER = frozenset({"_", "access_hash", "file_reference"})
"""Keys to peers and files; also of constructors that no layer of today has."""
_IN_SHORT: dict[str, frozenset[str]] = {"Photo": frozenset({"sizes"})}
"""Fields that only a message's own media shows: of a photo's sizes the largest."""


@cache
def _unnamed(constructor: str) -> frozenset[str]:
    left_out = LEFT_OUT.get(constructor, {}).keys()
    return _NEVER.union(left_out, _IN_SHORT.get(constructor, ()))


@cache
def silent(constructor: str, *said: str) -> frozenset[str]:
    """Returns the fields of a constructor that `rest` does not give.

    Args:
        constructor: Telegram's name.
        said: fields that keys of ours say already.
    """
    return _NEVER.union(said, LEFT_OUT.get(constructor, ()))


def rest(record: RawRecord, quiet: frozenset[str]) -> dict[str, Any]:
    """Returns what no key of ours says of a record: Telegram's own fields, without flags that are not set.

    Args:
        record: any raw record.
        quiet: what is said already or left out, see `silent`.
    """
    if quiet.issuperset(record):
        return {}
    return _fields(record, quiet, with_false=False)


def own_fields(record: RawRecord, *, with_false: bool = False) -> dict[str, Any]:
    """Returns all fields of a record that are not left out, without its constructor's name.

    Args:
        record: any raw record.
        with_false: whether flags that are not set are kept too.
    """
    return _fields(record, _unnamed(record.get("_") or ""), with_false=with_false)


def own_record(record: RawRecord, *, with_false: bool = False) -> Any:  # noqa: ANN401 - an id or an object
    """Returns a record as `own_fields` and its `type`; a peer as its marked id."""
    peer_id = marked_id(record)
    if peer_id is not None:
        return peer_id
    constructor = record.get("_") or ""
    nested = own_fields(record, with_false=with_false)
    if "id" in nested:
        marked = marked_entity_id(constructor, record["id"])
        nested["id"] = str(nested["id"]) if marked is None else marked
    return {"type": snake_name(constructor, ""), **nested} if constructor else nested


def add_more(described: dict[str, Any], fields: dict[str, Any]) -> None:
    """Puts Telegram's own fields under `more` of an object of ours, where there are any."""
    if fields:
        described.setdefault("more", {}).update(fields)


def _fields(record: RawRecord, quiet: frozenset[str], *, with_false: bool) -> dict[str, Any]:
    kept = {}
    for key, value in record.items():
        if key in quiet or value is None or value == [] or (value is False and not with_false):
            continue
        # A field of the name `type` must not hide which constructor it is.
        kept["kind" if key == "type" else key] = _value(key, value, with_false=with_false)
    return kept


def _value(key: str, value: Any, *, with_false: bool) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return own_record(value, with_false=with_false)
    if isinstance(value, list):
        return [_value(key, item, with_false=with_false) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(key, value)
    return value


def _number(key: str, value: int) -> int | str:
    if key in _CHANNELS:
        return channel_marked_id(value)
    if key == "chat_id":
        return group_marked_id(value)
    return str(value) if key in _ALWAYS_TEXT or abs(value) > _LARGEST_SAFE else value
