"""The JSON Schema of a command, for producers in other languages, made from the model.

`python -m tg_fetcher_dagster.requests.json_schema` writes `docs/schemas/command.schema.json`; a test holds
the file to the model. The queue itself takes more than the schema says (numbers as text, other spellings).
"""

from pathlib import Path

import orjson

from tg_fetcher_dagster.requests.command import FetchCommand

FILE = Path("docs/schemas/command.schema.json")

_OTHER_NAMES = {"days_back": "days", "from_date": "from", "to_date": "to"}
_MADE_UP = ("command_id", "correlation_id")


def command_schema() -> bytes:
    """Returns the schema of what a producer pushes."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **FetchCommand.model_json_schema()}
    properties = schema["properties"]
    for other, name in _OTHER_NAMES.items():
        properties[other] = {**properties[name], "description": f"Another name of {name}."}
    for name in _MADE_UP:
        properties[name] = {**properties[name], "description": "Made up when absent."}
    schema["required"] = [name for name in schema["required"] if name not in _MADE_UP]
    schema["description"] = "One fetch command, pushed to the Redis list of COMMANDS_QUEUE with RPUSH."
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n"


if __name__ == "__main__":
    FILE.write_bytes(command_schema())
