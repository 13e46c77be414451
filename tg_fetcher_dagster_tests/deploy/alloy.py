"""Reads Alloy's configuration syntax as far as ours uses it: blocks, attributes, strings, lists and objects.

Alloy itself cannot be installed from a package registry; grafana.com, "Alloy configuration syntax".
"""

import re
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r'\s+|//[^\n]*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<name>[A-Za-z_][\w.]*)|(?P<sign>[{}\[\]()=,])'
)


@dataclass
class Block:
    """A block with what is in it.

    Attributes:
        name: `loki.process`.
        label: its own name, empty where it has none.
    """

    name: str
    label: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def only(self, name: str) -> "Block":
        """Returns its one block of a name."""
        [found] = [each for each in self.blocks if each.name == name]
        return found

    def references(self) -> set[str]:
        """Returns the names that values refer to, of this block and those in it."""
        found = {name for value in self.attributes.values() for name in _names(value)}
        return found.union(*(each.references() for each in self.blocks))


@dataclass(frozen=True)
class Name:
    """A value that refers to something, or calls it."""

    name: str
    arguments: tuple[Any, ...] | None = None


def _names(value: Any) -> set[str]:
    if isinstance(value, Name):
        return {value.name}
    if isinstance(value, dict):
        return {name for each in value.values() for name in _names(each)}
    return {name for each in value for name in _names(each)} if isinstance(value, list) else set()


def parse(source: str) -> Block:
    """Returns a file as one block; anything that is no configuration raises ValueError."""
    tokens: list[str] = []
    place = 0
    while place < len(source):
        found = TOKEN.match(source, place)
        if found is None:
            raise ValueError(f"line {source.count(chr(10), 0, place) + 1}: {source[place : place + 20]!r}")
        if found.lastgroup:
            tokens.append(found[found.lastgroup])
        place = found.end()
    return _Parser(tokens).block(Block("file"), end=None)


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = [*tokens, ""]

    def take(self, wanted: str | None = None) -> str:
        token = self._tokens.pop(0)
        if wanted is not None and token != wanted:
            raise ValueError(f"{token!r} where {wanted!r} belongs, before {' '.join(self._tokens[:5])}")
        return token

    def block(self, into: Block, end: str | None) -> Block:
        while self._tokens[0] not in {end, ""}:
            name = self.take()
            if self._tokens[0] == "=":
                self.take()
                if name in into.attributes:
                    raise ValueError(f"{name} stands twice in {into.name}")
                into.attributes[name] = self.value()
                continue
            label = self.take()[1:-1] if self._tokens[0].startswith('"') else ""
            self.take("{")
            into.blocks.append(self.block(Block(name, label), end="}"))
            self.take("}")
        if end is None:
            self.take("")
        return into

    def value(self) -> Any:
        token = self.take()
        if token.startswith('"'):
            return token[1:-1]
        if token == "[":
            return self.several("]", self.value)
        if token == "{":
            return dict(self.several("}", self.pair))
        if not re.fullmatch(r"[A-Za-z_][\w.]*", token):
            raise ValueError(f"{token!r} is no value")
        if self._tokens[0] == "(":
            self.take()
            return Name(token, tuple(self.several(")", self.value)))
        return Name(token)

    def several(self, end: str, one: Any) -> list[Any]:
        found = []
        while self._tokens[0] != end:
            found.append(one())
            if self._tokens[0] != end:
                self.take(",")
        self.take(end)
        return found

    def pair(self) -> tuple[str, Any]:
        name = self.take()
        self.take("=")
        return name, self.value()
