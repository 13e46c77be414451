"""Finds what in a test measures or waits for the machine's time: on a busy machine it would fail.

Time is passed in or frozen; what must be shown is an order of events or a count. What another process or
thread does is waited for with `waiting.until` or with a limit of `waiting.PATIENCE`.
"""

import ast
from collections.abc import Iterator

GENEROUS = 60
"""Seconds: a limit that ends a hanging test, not one that a busy machine reaches."""

_LIMITED = {"join", "result", "select", "timeout", "wait", "wait_for"}
"""Calls whose only number is a limit: `process.wait(5)`, `thread.join(5)`, `asyncio.timeout(5)`."""


def clocks_in(source: str) -> list[tuple[int, str]]:
    """Returns the line and the name of everything in a module that depends on the machine's time."""
    tree = ast.parse(source)
    found = [(node.lineno, what) for node in ast.walk(tree) for what in _clocks_of(node)]
    return sorted(found)


def _clocks_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "time":
        yield from (f"from time import {each.name}" for each in node.names)
    elif isinstance(node, ast.Attribute) and _is(node.value, "time"):
        yield f"time.{node.attr}"
    elif isinstance(node, ast.Call):
        yield from _clocks_of_call(node)


def _clocks_of_call(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "sleep" and _is(getattr(call.func, "value", None), "asyncio") and _number(call.args[0]) != 0:
        yield "asyncio.sleep"
    for keyword in call.keywords:
        if keyword.arg == "timeout" and _is_short(keyword.value):
            yield f"{name}(timeout=)"
        if keyword.arg == "deadline" and _number(keyword.value) is not None:
            yield f"{name}(deadline=)"
    if name in _LIMITED and any(map(_is_short, call.args)):
        yield f"{name}()"


def _is(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _number(node: ast.AST) -> float | None:
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_short(node: ast.AST) -> bool:
    number = _number(node)
    return number is not None and number < GENEROUS
