"""JSON Schema files for readers in other languages, made from the models.

`python -m tg_fetcher_dagster.messages.json_schema` writes `docs/schemas/*.schema.json`; a test holds the
files to the models.
"""

from pathlib import Path

import orjson

from tg_fetcher_dagster.messages.schema import DayFile, Participants, Summary, Threads
from tg_fetcher_dagster.messages.schema_parts import Record

MODELS: dict[str, type[Record]] = {
    "day_file": DayFile,
    "summary": Summary,
    "threads": Threads,
    "participants": Participants,
}


def schema_files() -> dict[str, bytes]:
    """Returns each file's name and bytes."""
    return {f"{name}.schema.json": _schema(model) for name, model in MODELS.items()}


def write_schemas(folder: Path) -> None:
    """Writes the files into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in schema_files().items():
        (folder / name).write_bytes(content)


def _schema(model: type[Record]) -> bytes:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2) + b"\n"


if __name__ == "__main__":
    write_schemas(Path("docs/schemas"))
