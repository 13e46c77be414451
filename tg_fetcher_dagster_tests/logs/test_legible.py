"""What strangers wrote commands no terminal and no log."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.logs.legible import legible, legible_lines


def commanding(text: str) -> list[str]:
    return [sign for sign in text if unicodedata.category(sign) == "Cc" or 0x202A <= ord(sign) <= 0x202E]


@given(st.text())
def test_nothing_is_left_that_commands(text: str) -> None:
    assert commanding(legible(text)) == []
    assert set(commanding(legible_lines(text))) <= {"\n", "\t"}


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_what_is_no_command_stays_as_it_is(text: str) -> None:
    assert legible(text) == text


def test_half_a_pair_of_utf_16_is_spelled_out() -> None:
    assert legible("a\ud800b") == r"a\ud800b"


@given(st.dictionaries(st.text(), st.text()))
def test_json_means_the_same_afterwards(value: dict[str, str]) -> None:
    assert json.loads(legible_lines(json.dumps(value, indent=2, ensure_ascii=False))) == value


@pytest.mark.parametrize("title", ["Привет 👨‍👩‍👧", "שלום\u200f", "a-b_c", "日本"])
def test_titles_in_any_script_are_shown_as_they_are(title: str) -> None:
    assert legible(title) == title
