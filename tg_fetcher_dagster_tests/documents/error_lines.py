"""Every error line that the program can say, read from its source: `…` stands for what differs.

A line is the text of a failure (`FetchError` and what becomes one, a refused command or setting) or of a log
line of the levels warning and error. Telegram's own answers are a table in the code already
(`telegram/error_rows.py`) and are not found here.
"""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tg_fetcher_dagster

PACKAGE = Path(tg_fetcher_dagster.__file__).parent
GAP = "…"
_FAILURES = """
    FetchError RawFileError UsernameMovedError UnknownConstructorError UnreachableError BadParameter
    refused _refused Refused Wait
    """
FAILURES = frozenset(_FAILURES.split())
"""What is made of a text that a user sees."""

ADVICE = "_ADVICE"
"""The name of a table of what to do about what a disk or a database refuses."""

LOGGED = frozenset({"warning", "error", "exception", "critical"})
TYPED = {"settings.py", "requests/command.py", "logs/lines.py"}
"""Modules whose `ValueError` is what a user reads of a setting or a command."""

FEWEST_LETTERS = 8
"""A text with fewer letters of its own only passes on what another place says."""


@dataclass(frozen=True)
class Line:
    """One line, and where it stands."""

    text: str
    where: str


class _Module:
    """One source file: its functions and constants, to follow a text that is made elsewhere in it."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(PACKAGE).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {
            each.name: each
            for each in ast.walk(self.tree)
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.constants: dict[str, list[ast.expr]] = {}
        for each in ast.walk(self.tree):
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                self.constants.setdefault(each.targets[0].id, []).append(each.value)

    def lines(self) -> Iterator[Line]:
        for advice in self.constants.get(ADVICE, []):
            for value in advice.values if isinstance(advice, ast.Dict) else []:
                yield from (Line(text, self.name) for text in self.texts(value))
        for call in ast.walk(self.tree):
            if isinstance(call, ast.Call) and self._says(call):
                for argument in [*call.args, *(each.value for each in call.keywords)]:
                    for text in self.texts(argument):
                        if sum(letter.isalpha() for letter in text) >= FEWEST_LETTERS and " " in text:
                            yield Line(
                                " ".join(text.replace("%s", GAP).split()), f"{self.name}:{call.lineno}"
                            )

    def _says(self, call: ast.Call) -> bool:
        name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
        if isinstance(call.func, ast.Attribute) and name in LOGGED:
            return getattr(call.func.value, "id", getattr(call.func.value, "attr", "")) == "log"
        return name in FAILURES or (name == "ValueError" and self.name in TYPED)

    def texts(self, node: ast.expr, depth: int = 0) -> list[str]:
        """What a text may read: one for each way through it."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        if isinstance(node, ast.IfExp):
            return self.texts(node.body, depth) + self.texts(node.orelse, depth)
        if isinstance(node, ast.BoolOp):
            return [text for each in node.values for text in self.texts(each, depth)]
        if isinstance(node, ast.JoinedStr):
            pieces = [self._pieces(each, depth) for each in node.values]
            return ["".join(chosen) for chosen in itertools.product(*pieces)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return [
                left + right
                for left in self.texts(node.left, depth)
                for right in self.texts(node.right, depth)
            ]
        return self._made_elsewhere(node, depth)

    def _pieces(self, node: ast.expr, depth: int) -> list[str]:
        """What one part of a formatted text may read."""
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        inside = node.value if isinstance(node, ast.FormattedValue) else node
        if isinstance(inside, ast.Name):
            known = self.constants.get(inside.id, [])
            if len(known) == 1 and isinstance(known[0], ast.Constant) and isinstance(known[0].value, str):
                return [known[0].value]
        return self.texts(inside, depth + 1) if isinstance(inside, ast.Call) else [GAP]

    def _made_elsewhere(self, node: ast.expr, depth: int) -> list[str]:
        name = getattr(node, "id", None)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
        if depth > 2 or name is None:
            return [GAP]
        if isinstance(node, ast.Call) and name in self.functions:
            returned = [
                each.value
                for each in ast.walk(self.functions[name])
                if isinstance(each, ast.Return) and each.value is not None
            ]
        elif isinstance(node, ast.Name):
            returned = self.constants.get(name, [])
        else:
            returned = []
        found = [text for each in returned for text in self.texts(each, depth + 1)]
        return found or [GAP]


@cache
def error_lines() -> tuple[Line, ...]:
    """Returns every line once, with the first place that says it."""
    found: dict[str, Line] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for line in _Module(path).lines():
            found.setdefault(line.text, line)
    return tuple(found.values())
