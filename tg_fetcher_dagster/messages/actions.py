"""Service messages are data: the action's type and Telegram's own fields, whatever action it is."""

from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.own_fields import own_fields
from tg_fetcher_dagster.messages.peers import RawRecord


def action_of(action: RawRecord) -> dict[str, Any]:
    """Returns a `schema.Action`: `type` and the fields that are not empty (see `own_fields`)."""
    constructor = action.get("_") or "Unknown"
    return {"type": snake_name(constructor, "MessageAction"), **own_fields(action, with_false=True)}
