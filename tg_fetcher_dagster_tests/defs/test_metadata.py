"""What the table of a day's first messages says of a message."""

from typing import Any

import pytest

from tg_fetcher_dagster.defs.metadata import _text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"text": "hello", "media": {"type": "photo"}}, "hello"),
        ({"text": None, "media": {"type": "poll"}}, "[poll]"),
        ({"text": "", "action": {"type": "pin_message"}}, "[pin_message]"),
        ({"text": None}, ""),
    ],
)
def test_a_message_without_words_is_shown_by_what_it_carries(message: dict[str, Any], shown: str) -> None:
    assert _text(message) == shown
