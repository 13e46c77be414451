from pathlib import Path

import jsonschema
import orjson
import pytest

from tg_fetcher_dagster.requests.json_schema import FILE, command_schema

ROOT = Path(__file__).parents[2]


def test_the_schema_in_the_docs_is_up_to_date():
    assert (ROOT / FILE).read_bytes() == command_schema(), "python -m tg_fetcher_dagster.requests.json_schema"


@pytest.mark.parametrize(
    "command",
    [
        {"command": "fetch", "chat": "@ru_python"},
        {
            "command": "fetch",
            "chat": -1001234567890,
            "mode": "date",
            "date": "2025-11-07",
            "strategy": "auto",
        },
        {"command": "fetch", "chat": "ru_python", "date": None, "days_back": 7, "limit": None, "x": 1},
        {
            "command": "fetch",
            "chat": "ru_python",
            "from_date": "2025-11-01",
            "to": "2025-11-07",
            "force": True,
        },
        {"command": "fetch", "chat": "ru_python", "timestamp": "2025-11-07T10:00:00", "command_id": "c1"},
    ],
)
def test_every_dialect_matches_the_schema(command):
    jsonschema.validate(command, orjson.loads(command_schema()))


@pytest.mark.parametrize(
    "wrong", [{"chat": "@x"}, {"command": "fetch"}, {"command": "fetch", "chat": "@x", "days": 400}]
)
def test_what_the_queue_refuses_does_not_match_the_schema(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, orjson.loads(command_schema()))
