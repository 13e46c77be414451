import datetime as dt
import hashlib
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.command import parse_command
from tg_fetcher_dagster.requests.command_size import DEEPEST_NESTING, LARGEST_COMMAND
from tg_fetcher_dagster.requests.dead_letters import KEPT_OF_OVERSIZED, dead_letter, revived
from tg_fetcher_dagster.requests.request_end import Why

NOW = dt.datetime(2025, 11, 14, 12, tzinfo=dt.UTC)


def refusal_of(raw):
    with pytest.raises(FetchError) as caught:
        parse_command(raw, made_up_id="claim-1")
    return Why(caught.value.error_type.value, caught.value.message, 0)


def nested(depth, inner=b"1"):
    return (
        b'{"command":"fetch","chat":"@ru_python","x":'
        + b"[" * (depth - 1)
        + inner
        + b"]" * (depth - 1)
        + b"}"
    )


def test_a_dead_letter_is_the_original_object_and_the_reason():
    failure = Why(ErrorType.NOT_FOUND.value, "no such chat", 2)
    letter = json.loads(dead_letter(b'{"chat":"@x","colour":[1]}', failure, at=NOW))
    assert letter == {
        "chat": "@x",
        "colour": [1],
        "failed_at": "2025-11-14T12:00:00Z",
        "error": "no such chat",
        "error_type": "not_found",
        "retry_count": 2,
    }


@pytest.mark.parametrize(("raw", "kept"), [(b"no json", "no json"), (b"[1]", "[1]"), (b"\xff", "\\xff")])
def test_a_dead_letter_of_no_object_keeps_it_as_text(raw, kept):
    failure = Why("validation", "is not JSON", 0)
    assert json.loads(dead_letter(raw, failure, at=NOW))["raw"] == kept


def test_a_revived_letter_is_the_command_again():
    raw = b'{"command":"fetch","chat":"@one","x":{}}'
    failure = Why("network", "away", 0)
    assert revived(dead_letter(raw, failure, at=NOW)) == raw


@pytest.mark.parametrize("depth", [DEEPEST_NESTING + 1, 255, 300, 1_000, 1_020, 5_000, 30_000])
@pytest.mark.parametrize("inner", [b"1", b"", b"{}"])
def test_what_is_nested_too_deep_is_refused_and_kept(depth, inner):
    raw = nested(depth, inner)
    letter = dead_letter(raw, refusal_of(raw), at=NOW)
    assert json.loads(letter)["raw"] == raw.decode()
    assert revived(letter) == raw


def test_what_is_nested_as_deep_as_allowed_is_a_command():
    assert parse_command(nested(DEEPEST_NESTING), made_up_id="claim-1").chat == "@ru_python"


@pytest.mark.parametrize("junk", [b"\xff", b"[", b'{"a":', b"\x00", "ы".encode()])
def test_a_letter_of_20_mb_of_junk_is_small_and_says_what_was_there(junk):
    raw = (junk * 20_000_000)[:20_000_000]
    letter = dead_letter(raw, refusal_of(raw), at=NOW)
    content = json.loads(letter)
    assert len(letter) < 7 * KEPT_OF_OVERSIZED
    assert content["raw_bytes"] == 20_000_000
    assert content["raw_sha256"] == hashlib.sha256(raw).hexdigest()
    assert "20000000 bytes long; allowed are 65536" in content["error"]


def test_junk_is_neither_parsed_nor_decoded_beyond_what_is_kept(monkeypatch):
    read = []
    monkeypatch.setattr("tg_fetcher_dagster.requests.command_size.orjson.loads", read.append)
    raw = b" " * (LARGEST_COMMAND + 1)
    assert dead_letter(raw, refusal_of(raw), at=NOW)
    assert read == []


def test_a_cut_letter_that_is_tried_again_still_says_what_was_there():
    raw = b"x" * (LARGEST_COMMAND + 1)
    letter = raw
    for _ in range(3):
        letter = dead_letter(revived(letter) if letter is not raw else raw, refusal_of(letter), at=NOW)
        assert json.loads(letter)["raw_sha256"] == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("foreign", [b"no json", b"[1]", b"7", b"\xff", b"[" * 300 + b"]" * 300, nested(300)])
def test_what_somebody_else_pushed_to_the_dead_letters_comes_back_as_it_is(foreign):
    assert revived(foreign) == foreign


@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_every_refused_entry_becomes_a_letter(raw):
    letter = dead_letter(raw, refusal_of(raw), at=NOW)
    assert orjson.loads(letter)["error"].startswith("command ")
    assert orjson.loads(letter)["error_type"] == "validation"
