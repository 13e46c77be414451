"""docs/logs.md: its fields are those of the code, and its searches find what they say in real lines."""

import ast
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jq
import orjson
import pytest

from tg_fetcher_dagster.logs.rendering import FIRST, ORIGIN, TRACES
from tg_fetcher_dagster_tests.defs.deployment import Deployment
from tg_fetcher_dagster_tests.defs.test_requests_sensor import push, tick, until_settled
from tg_fetcher_dagster_tests.documents.blocks import DOCS, ROOT, blocks, commands
from tg_fetcher_dagster_tests.logs.logql import answer

PACKAGE = ROOT / "tg_fetcher_dagster"
PAGE = (DOCS / "logs.md").read_text()
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
TELL_BY_DICT = ("log_lines.py", "day_lines.py", "lasting.py", "foreign_lines.py")
"""Modules that hand the fields of a line on, in dictionaries or by functions of their own."""

NO_FIELDS = {"exc_info", "extra"}


def table(head: str) -> list[list[str]]:
    """The names in the first column of a table, row by row."""
    rows = PAGE.partition(f"\n| {head} | |\n")[2].partition("\n\n")[0].splitlines()[1:]
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in rows]


FIELDS = {name for row in table("field") for name in row}
EVENTS = {name for row in table("`event`") for name in row}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def is_log(call: ast.Call) -> bool:
    named = call.func
    if isinstance(named, ast.Name):
        return named.id in {"log_context", "tell"}
    return (
        isinstance(named, ast.Attribute)
        and named.attr in LEVELS
        and isinstance(named.value, ast.Name)
        and named.value.id == "log"
    )


def fields_of_code() -> dict[str, str]:
    """Every field that a log line of the package is given, with a place where that is."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in filter(is_log, calls(path)):
            found |= {each.arg: f"{path.name}:{call.lineno}" for each in call.keywords if each.arg}
        if path.name not in TELL_BY_DICT:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                names = [key for key in keys if isinstance(key, str) and re.fullmatch(r"[a-z_]+", key)]
                found |= dict.fromkeys(names, f"{path.name}:{node.lineno}")
    return {name: where for name, where in found.items() if name not in NO_FIELDS}


def test_every_field_that_a_line_is_given_is_in_the_table() -> None:
    missing = {name: where for name, where in fields_of_code().items() if name not in FIELDS}
    assert missing == {}
    assert {*FIRST, *ORIGIN, *TRACES, "logger"} <= FIELDS


def test_no_field_of_the_table_is_gone() -> None:
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert {name for name in FIELDS if not re.search(rf'\b{name}\b["=>]', source)} == set()


def test_every_event_of_the_table_is_said_somewhere() -> None:
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert {event for event in EVENTS if f'"{event}"' not in source} == set()


def test_the_example_has_fields_of_the_table_alone() -> None:
    [example] = blocks("logs.md", "json")
    assert set(orjson.loads(example)) <= FIELDS


@pytest.fixture
def lines_file(
    with_redis: Deployment, log_lines: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> tuple[Path, list[dict[str, Any]]]:
    """The lines of a command that succeeds, one that is refused, and one whose day fails."""
    asked = {"command": "fetch", "chat": "@def_busy", "mode": "date", "date": "2025-11-05"}
    push(with_redis, {**asked, "correlation_id": "nightly-17"})
    until_settled(with_redis)
    with_redis.sandbox.add_fault(method="messages.getHistory", times=100, error="RPC_CALL_FAIL")
    with_redis.fetch("def_busy", "2025-11-03")
    with_redis.write_env(REDIS_URL="redis://127.0.0.1:1")
    tick(with_redis)
    lines = log_lines()
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n".join(orjson.dumps(line) for line in lines) + b"\n")
    return path, lines


FAULTS = ("exception", "critical")
"""What a run without a fault of ours does not say: the search for it is run, and finds nothing."""


def test_the_searches_of_the_page_find_what_they_are_for(
    lines_file: tuple[Path, list[dict[str, Any]]],
) -> None:
    path, lines = lines_file
    [search] = commands("logs.md", "grep")
    found = subprocess.run(
        shlex.split(search), cwd=path.parent, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    told = [orjson.loads(line)["event"] for line in found]
    assert told[0] == "command taken"
    assert {"command planned", "run began", "fetch ended", "event published", "request ended"} <= set(told)
    programs = commands("logs.md", "jq")
    assert len(programs) >= 5
    for typed in programs:
        *_, program, file = shlex.split(typed)
        assert file == path.name
        answers = jq.compile(program).input_text(path.read_text()).all()
        assert answers or any(fault in program for fault in FAULTS), typed
    streams = [
        ({name: line[name] for name in ("service", "environment", "host", "level")}, line) for line in lines
    ]
    [queries] = blocks("logs.md", "logql")
    for query in queries.splitlines():
        assert answer(query, streams), query
