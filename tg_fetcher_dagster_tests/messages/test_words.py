"""Messages grown at random from the layer's constructors: every word and id in them is in the day's files.

Words, URLs and ids are numbered, so that each one that is missing is named with the place where it stood.
"""

import itertools
from random import Random

import jsonschema
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telethon.tl import types

from tg_fetcher_dagster.messages.json_schema import schema_files
from tg_fetcher_dagster.messages.left_out import LEFT_OUT
from tg_fetcher_dagster.messages.schema import Message, Participants
from tg_fetcher_dagster.telegram.records import record_of
from tg_fetcher_dagster_tests.messages.layer import DEFAULTS, PEOPLE, constructors, fields, make, smallest
from tg_fetcher_dagster_tests.messages.observing import day_bytes, shows
from tg_fetcher_dagster_tests.messages.raw import CHAT, NOON
from tg_fetcher_dagster_tests.messages.test_layer import CODES

MOST_RECORDS = 60
SHARE = 0.35
"""How likely an optional record is there: more, and no message would end."""
VALIDATOR = jsonschema.Draft202012Validator(
    {
        **orjson.loads(schema_files()["day_file.schema.json"]),
        "$ref": "#/$defs/Message",
        "required": [],
        "type": "object",
    }
)


class Growth:
    """Objects grown at random, and what was written into them.

    Attributes:
        told: every word and id by the place where it stands.
    """

    def __init__(self, random):
        self._random = random
        self._numbers = itertools.count(10_000_000, 7)
        self._left = MOST_RECORDS
        self.told = {}

    def grow(self, constructor, place, **fixed):
        """Returns an object with all its scalars and some of its records."""
        self._left -= 1
        given = dict(fixed)
        for field in fields(constructor):
            name = f"{constructor.__name__}.{field.name}"
            if field.name in given:
                continue
            if field.name in LEFT_OUT.get(constructor.__name__, ()):
                if not field.optional:
                    given[field.name] = self._nothing(field)
            elif field.is_scalar:
                given[field.name] = self._scalar(field, name, f"{place}.{field.name}")
            elif field.many:
                count = self._random.randint(0, 2) if self._left > 0 else 0
                given[field.name] = [self._one(field, f"{place}.{field.name}") for _ in range(count)]
            elif not field.optional or (self._left > 0 and self._random.random() < SHARE):
                given[field.name] = self._one(field, f"{place}.{field.name}")
        return constructor(**given)

    def _one(self, field, place):
        choice = constructors(field.kind) if self._left > 0 else [smallest(field.kind)]
        constructor = self._random.choice(choice)
        return self.grow(constructor, f"{place}:{constructor.__name__}")

    def _nothing(self, field):
        if field.many:
            return []
        return DEFAULTS[field.kind] if field.is_scalar else make(smallest(field.kind))

    def _scalar(self, field, name, place):
        number = next(self._numbers)
        value = {
            "int": number,
            "str": f"word{number}x",
            "bytes": str(number).encode(),
            "bool": self._random.random() < SHARE,
            "float": number / 8,
            "datetime": NOON,
        }[field.kind]
        if field.name in ("url", "embed_url"):
            value = f"https://example.com/{value}"
        if field.says_something and name not in CODES:
            self.told[place] = value
        return [value] if field.many else value

    def missing(self, file):
        """Returns what was written and is not in the file."""
        return {place: value for place, value in self.told.items() if not shows(file, value)}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), constructor=st.sampled_from([types.Message, types.MessageService]))
def test_every_word_and_id_of_a_message_is_in_the_day(seed, constructor):
    growth = Growth(Random(seed))
    root = growth.grow(
        constructor, constructor.__name__, peer_id=types.PeerChannel(CHAT), date=NOON, post=False
    )
    file = day_bytes(root)
    assert growth.missing(file) == {}
    written = orjson.loads(file.splitlines()[0])
    VALIDATOR.validate(written)
    read = Message.model_validate(written, strict=True)
    assert orjson.loads(read.model_dump_json(exclude_unset=True)) == written


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), constructor=st.sampled_from(PEOPLE))
def test_every_word_and_id_of_a_user_or_chat_is_in_the_day(seed, constructor):
    growth = Growth(Random(seed))
    file = day_bytes(growth.grow(constructor, constructor.__name__))
    assert growth.missing(file) == {}
    Participants.model_validate_json(file.splitlines()[-1])


@pytest.mark.parametrize("constructor", constructors("PageBlock"), ids=lambda block: block.__name__)
def test_words_of_every_block_are_in_the_text_and_not_only_in_its_entities(constructor):
    growth = Growth(Random(1))
    block = growth.grow(constructor, "block")
    rich = types.RichMessage(blocks=[block], photos=[], documents=[])
    root = types.Message(id=1, peer_id=types.PeerChannel(CHAT), date=NOON, message="", rich_message=rich)
    text = orjson.loads(day_bytes(root).splitlines()[0])["text"] or ""
    shown = {value for place, value in growth.told.items() if place.endswith(("TextPlain.text", ".source"))}
    assert {word for word in shown if word not in text} == set()


def test_a_message_is_read_back_as_it_was_kept():
    growth = Growth(Random(3))
    root = growth.grow(types.Message, "Message", peer_id=types.PeerChannel(CHAT), date=NOON)
    assert orjson.loads(record_of(root).line) == record_of(root).value
