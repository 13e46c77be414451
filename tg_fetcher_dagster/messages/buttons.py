"""Buttons under a message and the keyboards that bots show, with their words, links and people."""

from collections.abc import Iterable
from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.own_fields import add_more, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord

_PREFIXES = ("InputInlineButtonType", "InlineButtonType", "InputButtonType", "ButtonType", "KeyboardButton")
_INLINE = "ReplyInlineMarkup"
_SAID = ("_", "url", "user_id")


def button_kind(constructor: str) -> str:
    """Returns what a button does, as a word.

    >>> button_kind("InlineButtonTypeSwitchInline"), button_kind("ButtonTypeRequestPhone")
    ('switch_inline', 'request_phone')
    """
    prefix = next((prefix for prefix in _PREFIXES if constructor.startswith(prefix)), "")
    return snake_name(constructor, prefix)


def add_buttons(markup: RawRecord, mapped: dict[str, Any]) -> None:
    """Adds `buttons` (rows of `schema.Button`) and, of other than inline buttons, `keyboard`."""
    rows: list[RawRecord] = markup.get("rows") or []
    if rows:
        mapped["buttons"] = [[_button(button) for button in row.get("buttons") or ()] for row in rows]
    kind = markup.get("_") or ""
    keyboard = rest(markup, silent(kind, "rows"))
    if keyboard or kind != _INLINE:
        mapped["keyboard"] = {"type": snake_name(kind, "Reply"), **keyboard}


def button_links(markup: RawRecord) -> Iterable[str]:
    """Returns the links that buttons open, in the order they stand."""
    for row in markup.get("rows") or ():
        for button in row.get("buttons") or ():
            url = (_type_of(button) or {}).get("url")
            if isinstance(url, str):
                yield url


def _type_of(button: RawRecord) -> RawRecord:
    """What a button does stands in its `type`; before layer 229 in the button itself."""
    kind: RawRecord = button.get("type") or {}
    return kind or {name: value for name, value in button.items() if name != "text"}


def _button(button: RawRecord) -> dict[str, Any]:
    kind = _type_of(button)
    constructor = kind.get("_") or ""
    described: dict[str, Any] = {"text": button.get("text") or "", "type": button_kind(constructor)}
    said = set(_SAID)
    for key in ("url", "user_id"):
        value = kind.get(key)
        if isinstance(value, dict):
            said.discard(key)
        elif value:
            described[key] = value
    add_more(described, rest(kind, silent(constructor, *said)))
    add_more(
        described, rest(button, silent(button.get("_") or "", "text", "type")) if "type" in button else {}
    )
    return described
