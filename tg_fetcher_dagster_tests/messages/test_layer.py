"""Every field of the layer that can come with a message is in the day's files, or left out by decision.

Whether a field is mapped is observed and not declared: see `observing.py`.
"""

import pytest

from tg_fetcher_dagster.messages.left_out import LEFT_OUT, NOT_FOR_READERS
from tg_fetcher_dagster_tests.messages.layer import constructors, fields, reachable
from tg_fetcher_dagster_tests.messages.observing import survey

CODES = {"Document.mime_type", "DocumentAttributeVideo.video_codec"}
"""No words: they stand where a file is a message's own, or is kept with all its fields, and not elsewhere."""


@pytest.fixture(scope="module")
def seen():
    return survey(LEFT_OUT)


@pytest.fixture(scope="module")
def layer():
    """Every field that can come, by `Constructor.field`."""
    return {f"{c.__name__}.{field.name}": field for c in reachable(LEFT_OUT) for field in fields(c)}


def left_out():
    return {f"{constructor}.{name}" for constructor, names in LEFT_OUT.items() for name in names}


def test_every_field_is_mapped_or_left_out_by_decision(seen, layer):
    silent = {name for name in layer if not any(seen[name].values())}
    assert sorted(silent - left_out()) == [], "map these fields, or list them in left_out.py with a reason"


def test_what_is_left_out_is_nowhere(seen):
    assert sorted(name for name in left_out() if any(seen[name].values())) == []


def test_the_list_names_fields_of_this_layer_each_with_a_reason(layer):
    assert sorted(left_out() - layer.keys()) == []
    assert all(len(reason.split()) >= 3 for names in LEFT_OUT.values() for reason in names.values())


def test_words_urls_and_ids_are_found_wherever_they_can_stand(seen, layer):
    wanted = {name for name, field in layer.items() if field.says_something} - left_out() - CODES
    assert {name: gone for name in sorted(wanted) if (gone := _missing(seen[name]))} == {}


def _missing(places):
    return [place for place, shown in places.items() if not shown]


def test_nothing_is_left_out_that_holds_words_urls_or_ids(layer):
    telling = {name for name in left_out() if _tells(name, layer[name])}
    assert telling == NOT_FOR_READERS


def _tells(name, field):
    if field.is_scalar:
        return field.says_something
    below, todo = set(), [*constructors(field.kind)]
    while todo:
        constructor = todo.pop()
        if constructor in below:
            continue
        below.add(constructor)
        for inner in fields(constructor):
            if inner.name in LEFT_OUT.get(constructor.__name__, ()):
                continue
            if inner.says_something:
                return True
            if not inner.is_scalar:
                todo += constructors(inner.kind)
    return False
