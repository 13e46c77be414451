"""Service messages are data: the action's type and Telegram's own fields, whatever action it is."""

from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.peers import CHANNEL_BASE, RawRecord, marked_id

_NOT_KEPT = frozenset(
    {
        "access_hash", "dc_id", "file_reference", "sizes", "video_sizes", "thumbs", "video_thumbs", "bytes",
        "credentials", "info", "values", "charge", "payload", "provider_charge_id", "transaction_id",
    }
)  # fmt: skip
"""Of use only to the account that read them, bulky, or a customer's own (payments, passports)."""
_ALWAYS_TEXT = frozenset(
    {"icon_emoji_id", "emoji_id", "document_id", "background_emoji_id", "game_id", "call_id"}
)
_LARGEST_SAFE = 2**53 - 1


def action_of(action: RawRecord) -> dict[str, Any]:
    """Returns a `schema.Action`: `type` and the fields that are not empty.

    Peers and bare chat ids become marked ids; whole numbers beyond 2^53 become strings.
    """
    return {"type": snake_name(action.get("_") or "Unknown", "MessageAction"), **_fields(action)}


def _fields(record: RawRecord) -> dict[str, Any]:
    kept = {}
    for key, value in record.items():
        if key in _NOT_KEPT or key == "_" or value is None or value == []:
            continue
        # An action's own `type` must not hide which action it is.
        kept["kind" if key == "type" else key] = _value(key, value)
    return kept


def _value(key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return _record(value)
    if isinstance(value, list):
        return [_value(key, item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(key, value)
    return value


def _record(record: RawRecord) -> Any:  # noqa: ANN401 - a marked id or an object
    constructor = record.get("_", "")
    peer_id = marked_id(record)
    if peer_id is not None:
        return peer_id
    nested = _fields(record)
    if "id" in nested:
        nested["id"] = str(nested["id"])
    return {"type": snake_name(constructor, ""), **nested} if constructor else nested


def _number(key: str, value: int) -> int | str:
    if key == "channel_id":
        return CHANNEL_BASE - value
    if key == "chat_id":
        return -value
    return str(value) if key in _ALWAYS_TEXT or abs(value) > _LARGEST_SAFE else value
