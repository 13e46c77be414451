"""The installed layer's constructors as far as they can stand in a message, by their type annotations."""

import datetime as dt
import inspect
import re
import typing
from dataclasses import dataclass
from functools import cache

import telethon  # noqa: F401 - it replaces types.Message by its own class
from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import NOON

MESSAGES = (types.Message, types.MessageService)
PEOPLE = (*typing.get_args(types.TypeUser), *typing.get_args(types.TypeChat))
"""Users, chats, and whatever else the layer lets stand among the chats."""

MOST_LEVELS = 6
SCALARS = {"int", "str", "bytes", "bool", "float", "datetime"}
PEERS = {
    "user_id", "channel_id", "chat_id", "via_bot_id", "via_business_bot_id", "inviter_id", "new_creator_id",
    "bot_id", "auto_setting_from", "users", "chats", "channels", "winners", "recent_viewers",
    "linked_monoforum_id",
}  # fmt: skip
"""Numbers that are somebody's id."""


@dataclass(frozen=True)
class Field:
    """One field of a constructor.

    Attributes:
        kind: a scalar's type, or the name of Telegram's type (`Peer`).
        many: a list of them.
        optional: may be absent.
    """

    name: str
    kind: str
    many: bool
    optional: bool

    @property
    def is_scalar(self):
        return self.kind in SCALARS

    @property
    def says_something(self):
        """Words, URLs and peers: such a field is never left out, and it is found wherever it stands."""
        return self.kind == "str" or (self.kind == "int" and self.name in PEERS)


@cache
def fields(constructor):
    """Returns a constructor's fields."""
    schema = next(c for c in constructor.__mro__ if c.__module__.startswith("telethon.tl.types"))
    if schema.__init__ is object.__init__ or "__init__" not in vars(schema):
        return ()
    parameters = list(inspect.signature(schema.__init__).parameters.values())[1:]
    return tuple(_field(parameter) for parameter in parameters)


def _field(parameter):
    annotation = str(parameter.annotation)
    if isinstance(parameter.annotation, type):
        annotation = parameter.annotation.__name__
    nested = re.search(r"Type(\w+)", annotation)
    scalar = re.search(r"\b(int|str|bytes|bool|float|datetime)\b(?!\.)", annotation)
    kind = nested.group(1) if nested else scalar.group(1)
    optional = parameter.default is not inspect.Parameter.empty
    return Field(parameter.name, kind, many="List[" in annotation, optional=optional)


@cache
def constructors(kind):
    """Returns the constructors of one of Telegram's types."""
    found = getattr(types, f"Type{kind}", None) or getattr(types.messages, kind)
    return tuple(getattr(types, c.__name__, c) for c in typing.get_args(found) or (found,))


@cache
def smallest(kind):
    """Returns the constructor of a type that needs least below it."""
    return next(c for level in range(MOST_LEVELS) for c in constructors(kind) if _fits(c, level))


@cache
def _fits(constructor, levels):
    """Whether so many levels below it are enough for an object of a constructor."""
    needed = [field for field in fields(constructor) if not (field.is_scalar or field.optional or field.many)]
    return not needed or (
        levels > 0 and all(any(_fits(c, levels - 1) for c in constructors(field.kind)) for field in needed)
    )


DEFAULTS = {"int": 1, "str": "", "bytes": b"", "bool": False, "float": 1.0, "datetime": NOON}


def make(constructor, **given):
    """Returns the smallest object of a constructor that has these fields."""
    made = {}
    for field in fields(constructor):
        if field.name in given:
            made[field.name] = given[field.name]
        elif not field.optional:
            one = DEFAULTS[field.kind] if field.is_scalar else None
            if field.many:
                one = []
            elif one is None:
                one = make(smallest(field.kind))
            made[field.name] = one
    return constructor(**made)


def _telling(kind):
    """Returns a constructor of a type that has words of its own, if there is one."""
    with_words = (c for c in constructors(kind) if any(field.says_something for field in fields(c)))
    return next(with_words, smallest(kind))


def filled(constructor, *, levels):
    """Returns an object whose fields are all set, down to some levels below it."""
    given = {}
    for field in fields(constructor):
        if field.is_scalar:
            given[field.name] = two_values(field, levels)[0]
        elif field.many:
            given[field.name] = [filled(c, levels=levels - 1) for c in constructors(field.kind) if levels]
        elif levels or not field.optional:
            given[field.name] = filled(_telling(field.kind), levels=levels - 1)
    return make(constructor, **given)


def reachable(left_out):
    """Returns the constructors that can stand in a message or among its people, each with one way to it.

    A way is a list of (constructor, field) from a root; what is left out is not gone into.
    """
    ways = {root: [] for root in (*MESSAGES, *PEOPLE)}
    todo = list(ways)
    for constructor in todo:
        for field in fields(constructor):
            if field.is_scalar or field.name in left_out.get(constructor.__name__, ()):
                continue
            for child in constructors(field.kind):
                if child not in ways:
                    ways[child] = [*ways[constructor], (constructor, field)]
                    todo.append(child)
    return ways


def wrapped(way, leaf):
    """Returns the root object in which an object stands at the end of a way."""
    for constructor, field in reversed(way):
        leaf = make(constructor, **{field.name: [leaf] if field.many else leaf})
    return leaf


def two_values(field, number):
    """Returns two values of a scalar field that differ, the first one unmistakable."""
    first, second = {
        "int": (70_000_000 + number, 80_000_000 + number),
        "str": (f"wordzz{number}zz", f"otherzz{number}zz"),
        "bytes": (b"\x01\x02\x03", b"\x04\x05\x06"),
        "bool": (True, False),
        "float": (1.25 + number, 2.75 + number),
        "datetime": (NOON, NOON + dt.timedelta(hours=7)),
    }[field.kind]
    return ([first], [second]) if field.many else (first, second)
