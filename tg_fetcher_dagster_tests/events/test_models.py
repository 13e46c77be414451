"""The events' JSON is the contract's, and their ids tell a repeat."""

from datetime import timedelta
from pathlib import Path

import jsonschema
import orjson
import pytest
from pydantic import ValidationError

from tg_fetcher_dagster.events import asyncapi
from tg_fetcher_dagster.events.models import ANY_EVENT, FetchStage, FetchStarted, event_id
from tg_fetcher_dagster_tests.events.telling import BASE, DAY, REQUEST, failed, fetched, progress, skipped

DOCUMENT = Path(__file__).parents[2] / "docs" / "schemas" / "events.asyncapi.json"
COMMON = {"event", "timestamp", "service", "correlation_id", "chat", "date"}
EXAMPLES = [
    (FetchStarted(**BASE, strategy="batch"), {"strategy", "stage"}),
    (progress(100), {"messages_processed", "messages_fetched"}),
    (FetchStage(**BASE, stage="saving"), {"stage"}),
    (
        fetched(),
        {
            "message_count",
            "file_path",
            "duration_seconds",
            "checksum_sha256",
            "estimated_tokens_total",
            "first_message_ts",
            "last_message_ts",
            "schema_version",
            "preprocessing_version",
            "summary_file_path",
            "threads_file_path",
            "participants_file_path",
        },
    ),
    (skipped(), {"reason", "checksum_expected", "checksum_actual"}),
    (failed(), {"error", "error_type", "retryable", "duration_seconds"}),
]
NAMES = [event.event for event, _ in EXAMPLES]


@pytest.mark.parametrize(("event", "keys"), EXAMPLES, ids=NAMES)
def test_an_event_has_every_key_of_the_contract(event, keys):
    told = orjson.loads(event.model_dump_json())
    assert COMMON | keys | {"event_id", "command_ids"} <= told.keys()
    assert told["timestamp"] == "2025-11-08T00:15:00Z"
    assert told["date"] == "2025-11-07"
    assert told["chat"] == "ru_python"
    assert told["command_ids"] == ["cmd-1", "cmd-2"]
    assert ANY_EVENT.validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize(("event", "keys"), EXAMPLES, ids=NAMES)
def test_the_document_describes_the_event(event, keys):
    document = asyncapi.document()
    name = document["components"]["messages"][event.event]["payload"]["$ref"]
    schema = {"$ref": name, "components": document["components"]}
    told = orjson.loads(event.model_dump_json())
    jsonschema.validate(told, schema)
    jsonschema.validate({**told, "added_later": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({key: value for key, value in told.items() if key not in keys}, schema)


def test_the_document_in_docs_is_up_to_date():
    assert DOCUMENT.read_bytes() == asyncapi.as_json(), (
        "run: python -m tg_fetcher_dagster.events.asyncapi > docs/schemas/events.asyncapi.json"
    )


def test_every_reference_of_the_document_leads_somewhere():
    document = asyncapi.document()

    def references(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref":
                    yield inner
                else:
                    yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    for reference in references(document):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert document["asyncapi"] == "3.0.0"


def test_the_same_event_of_the_same_request_has_the_same_id_and_any_other_has_another():
    same = event_id(fetched(), request_id=REQUEST)
    assert same == event_id(fetched(message_count=99), request_id=REQUEST)
    others = {
        event_id(fetched(), request_id="fetch-2"),
        event_id(fetched(chat="other"), request_id=REQUEST),
        event_id(fetched(date=DAY + timedelta(days=1)), request_id=REQUEST),
        event_id(skipped(), request_id=REQUEST),
        event_id(progress(100), request_id=REQUEST),
        event_id(progress(200), request_id=REQUEST),
        event_id(FetchStage(**BASE, stage="saving"), request_id=REQUEST),
        event_id(FetchStage(**BASE, stage="postprocess"), request_id=REQUEST),
    }
    assert len(others | {same}) == 9


def test_a_failed_command_may_name_no_chat_and_no_day_but_a_fetched_day_has_both():
    assert failed(chat=None, date=None).chat is None
    with pytest.raises(ValidationError):
        fetched(chat=None)
    with pytest.raises(ValidationError):
        fetched(misspelt=1)
