"""What few messages have: words of Telegram's rich editor, buttons, whose conversation it is, fact checks."""

from collections.abc import Sequence
from typing import Any

from tg_fetcher_dagster.messages.buttons import add_buttons
from tg_fetcher_dagster.messages.formatting import add_text, utf16_length
from tg_fetcher_dagster.messages.media import media_of_files
from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id
from tg_fetcher_dagster.messages.rich_text import rich_text_of

_PEERS = (("saved_peer_id", "saved_peer_id"), ("guestchat_via_from", "guestchat_via_id"))
_PLAIN = ("from_rank", "via_business_bot_id")
_OWN = ("restriction_reason", "suggested_post")
RARE = ("rich_message", "reply_markup", "factcheck", *(field for field, _ in _PEERS), *_PLAIN, *_OWN)
"""Fields of a message that have a key of ours, or one of the same name, and are mostly absent."""
_RICH = silent("RichMessage", "blocks", "photos", "documents", "part")
_FACTCHECK = silent("FactCheck", "country", "text", "need_check")
_APART = "\n\n"


def with_rich_words(
    text: str | None, entities: Sequence[RawRecord], rich: RawRecord
) -> tuple[str | None, Sequence[RawRecord]]:
    """Returns a message's words with those of its rich part, which mostly are all that it has."""
    words, marked = rich_text_of(rich.get("blocks") or ())
    if not text:
        return words or None, marked
    if not words or words == text:
        return text, [*entities, *marked]
    shift = utf16_length(text + _APART)
    shifted = [{**entity, "offset": entity["offset"] + shift} for entity in marked]
    return text + _APART + words, [*entities, *shifted]


def add_rarities(value: RawRecord, mapped: dict[str, Any], everyday: frozenset[str]) -> None:
    """Adds every rare key that a message needs, and under `more` what has no key of ours.

    Args:
        value: the raw message.
        mapped: the message in the making.
        everyday: the fields that are mapped already or left out.
    """
    if value.get("rich_message"):
        _add_rich(value["rich_message"], mapped)
    if value.get("reply_markup"):
        add_buttons(value["reply_markup"], mapped)
    if value.get("factcheck"):
        mapped["factcheck"] = _factcheck(value["factcheck"])
    for field, key in _PEERS:
        peer_id = marked_id(value.get(field))
        if peer_id is not None:
            mapped[key] = peer_id
    for field in _PLAIN:
        if value.get(field):
            mapped[field] = value[field]
    if value.get("restriction_reason"):
        mapped["restriction_reason"] = [own_record(reason) for reason in value["restriction_reason"]]
    if value.get("suggested_post"):
        mapped["suggested_post"] = own_record(value["suggested_post"])
    add_more(mapped, rest(value, everyday))


def _add_rich(rich: RawRecord, mapped: dict[str, Any]) -> None:
    mapped["rich"] = True
    if rich.get("part"):
        mapped["rich_partial"] = True
    media = media_of_files(rich.get("photos") or (), rich.get("documents") or ())
    if media:
        mapped["rich_media"] = media
    more = rest(rich, _RICH)
    if more:
        add_more(mapped, {"rich_message": more})


def _factcheck(factcheck: RawRecord) -> dict[str, Any]:
    described: dict[str, Any] = {}
    add_text(described, "text", factcheck.get("text"))
    described["country"] = factcheck.get("country")
    if factcheck.get("need_check"):
        described["need_check"] = True
    add_more(described, rest(factcheck, _FACTCHECK))
    return {key: value for key, value in described.items() if value}
