"""The AsyncAPI 3.0 document of the events, made from their models.

`python -m tg_fetcher_dagster.events.asyncapi > docs/schemas/events.asyncapi.json` writes it again; a test
says when that is due.
"""

import sys
from typing import Any

import orjson
from pydantic.json_schema import models_json_schema

from tg_fetcher_dagster.events import keys
from tg_fetcher_dagster.events.models import (
    Event,
    FetchFailed,
    FetchProgress,
    FetchSkipped,
    FetchStage,
    FetchStarted,
    MessagesFetched,
)

CHANNEL = "tg_events"
"""The default of EVENTS_CHANNEL."""
EVENTS: tuple[type[Event], ...] = (
    FetchStarted,
    FetchProgress,
    FetchStage,
    MessagesFetched,
    FetchSkipped,
    FetchFailed,
)


def document() -> dict[str, Any]:
    """Returns the document; it depends on the models only."""
    names = {str(model.model_fields["event"].default): model for model in EVENTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of tg-fetcher",
            "version": "1.0.0",
            "description": (
                "Each chat and day that was asked for ends in exactly one of messages_fetched, fetch_skipped"
                " and fetch_failed. The same event sent again has the same event_id. One with duplicate_of"
                " ends the last of its commands alone: the others had their end in the event that it names."
                " Keys may be added."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": {
                "address": CHANNEL,
                "title": "Redis Pub/Sub",
                "description": "Setting EVENTS_CHANNEL. Who is not subscribed just then misses the event.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            },
            "stream": {
                "address": keys.stream(CHANNEL),
                "title": "Redis stream",
                "description": (
                    "How days ended, capped at about EVENTS_STREAM_LENGTH entries, for consumers that were"
                    " down; without progress."
                ),
                "messages": {"entry": {"$ref": "#/components/messages/entry"}},
            },
        },
        "operations": {
            "publishEvent": {"action": "send", "channel": {"$ref": "#/channels/events"}},
            "addEvent": {"action": "send", "channel": {"$ref": "#/channels/stream"}},
        },
        "components": {
            "messages": {
                **{name: _message(name, model) for name, model in names.items()},
                "entry": {
                    "name": "entry",
                    "summary": "A stream entry: an event and its id.",
                    "payload": _ENTRY,
                },
            },
            "schemas": _schemas(),
        },
    }


_ENTRY: dict[str, Any] = {
    "type": "object",
    "required": ["event", "event_id"],
    "properties": {
        "event": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "The JSON object as on the channel.",
        },
        "event_id": {"type": "string"},
    },
}


def _message(name: str, model: type[Event]) -> dict[str, Any]:
    summary = (model.__doc__ or "").split("\n", 1)[0]
    return {"name": name, "summary": summary, "payload": {"$ref": f"#/components/schemas/{model.__name__}"}}


def _schemas() -> dict[str, Any]:
    _, schemas = models_json_schema(
        [(model, "serialization") for model in EVENTS], ref_template="#/components/schemas/{model}"
    )
    definitions: dict[str, Any] = schemas["$defs"]
    for schema in definitions.values():
        # The models refuse unknown keys so that we misspell none; readers must accept added ones.
        schema.pop("additionalProperties", None)
    return definitions


def as_json() -> bytes:
    """Returns the document's bytes as they stand in docs/."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    sys.stdout.buffer.write(as_json())
