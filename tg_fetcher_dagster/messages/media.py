"""What is attached to a message, without its bytes; an unknown kind keeps its name and its fields."""

from collections.abc import Callable, Sequence
from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.documents import (
    Description,
    add_document,
    add_photo,
    words_of_documents,
)
from tg_fetcher_dagster.messages.formatting import entities_of
from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id
from tg_fetcher_dagster.messages.polls import poll_of
from tg_fetcher_dagster.messages.times import timestamp
from tg_fetcher_dagster.messages.todo import todo_of
from tg_fetcher_dagster.messages.webpages import web_page

_OF_ALL = ("spoiler", "ttl_seconds")


def media_of(media: RawRecord) -> Description | None:
    """Returns a `schema.Media` without empty keys, or None for no media at all."""
    kind = media.get("_", "")
    if kind in {"", "MessageMediaEmpty"}:
        return None
    describe, quiet = _KINDS.get(kind) or (None, silent(kind, *_OF_ALL))
    described = describe(media) if describe else {}
    if "type" not in described:
        known = kind if describe is None else snake_name(kind, "MessageMedia")
        described = {"type": known, **described}
    if media.get("spoiler"):
        described["spoiler"] = True
    if media.get("ttl_seconds"):
        described["ttl_seconds"] = media["ttl_seconds"]
    more = rest(media, quiet)
    if more:
        add_more(described, more)
    return {key: value for key, value in described.items() if value is not None}


def add_media(mapped: dict[str, Any], key: str, media: RawRecord | None) -> None:
    """Puts the description of a medium under a key of ours, where there is one; a poll's or a list's too."""
    described = media_of(media) if media else None
    if described and media:
        _add_parts(described, media)
        mapped[key] = described


def _add_parts(described: Description, media: RawRecord) -> None:
    """Adds what of a message's own medium has a key of its own, beside `media`."""
    if media.get("_") == "MessageMediaPoll":
        described["poll"] = poll_of(media, add_media)
    elif media.get("_") == "MessageMediaToDo":
        described["todo"] = todo_of(media)


def media_of_files(photos: Sequence[RawRecord], documents: Sequence[RawRecord]) -> list[Description]:
    """Returns `schema.Media` of the photos and files of a rich message."""
    found = [media_of({"_": "MessageMediaPhoto", "photo": photo}) for photo in photos]
    found += [media_of({"_": "MessageMediaDocument", "document": document}) for document in documents]
    return [described for described in found if described]


def _photo(media: RawRecord) -> Description:
    described: Description = {"type": "photo"}
    add_photo(described, media.get("photo") or {})
    if media.get("live_photo"):
        add_more(described, {"live_photo": True})
    if media.get("video"):
        add_more(described, {"video": own_record(media["video"])})
    return described


def _document(media: RawRecord) -> Description:
    described: Description = {}
    add_document(described, media.get("document") or {})
    for flag, kind in (("round", "video_note"), ("voice", "voice")):
        if media.get(flag):
            described["type"] = kind
    if media.get("alt_documents"):
        words = words_of_documents(media["alt_documents"])
        add_more(described, {"alt_documents": words} if words else {})
    if media.get("video_timestamp"):
        add_more(described, {"video_timestamp": media["video_timestamp"]})
    return described


def _geo(media: RawRecord) -> Description:
    point = media.get("geo") or {}
    described: Description = {
        "latitude": point.get("lat"),
        "longitude": point.get("long"),
        "title": media.get("title"),
        "address": media.get("address"),
    }
    for key in ("period", "heading", "provider", "venue_id", "venue_type"):
        if media.get(key):
            described[key] = media[key]
    add_more(described, rest(point, silent(point.get("_") or "", "lat", "long")))
    return described


def _contact(media: RawRecord) -> Description:
    name = f"{media.get('first_name') or ''} {media.get('last_name') or ''}".strip()
    return {
        "title": name or None,
        "phone_number": media.get("phone_number"),
        "user_id": media.get("user_id") or None,
        "vcard": media.get("vcard") or None,
    }


def _dice(media: RawRecord) -> Description:
    return {"emoji": media.get("emoticon"), "value": media.get("value")}


def _game(media: RawRecord) -> Description:
    game = media.get("game") or {}
    described: Description = {"title": game.get("title"), "description": game.get("description")}
    words = words_of_documents([game["document"]] if game.get("document") else None)
    add_more(described, {"document": words} if words else {})
    add_more(described, rest(game, silent("Game", "id", "title", "description", "photo", "document")))
    return described


def _invoice(media: RawRecord) -> Description:
    extended = media.get("extended_media")
    return {
        "title": media.get("title"),
        "description": media.get("description"),
        "amount": media.get("total_amount"),
        "currency": media.get("currency"),
        "extended_media": [_extended(extended)] if extended else None,
    }


def _paid(media: RawRecord) -> Description:
    extended = [_extended(each) for each in media.get("extended_media") or ()]
    return {"amount": media.get("stars_amount"), "extended_media": extended or None}


def _extended(extended: RawRecord) -> Description:
    """What is to be paid for: the medium itself, or a preview that only tells its size."""
    inner = extended.get("media")
    if inner:
        described = media_of(inner) or {"type": "empty"}
        _add_parts(described, inner)
        add_more(described, rest(extended, silent(extended.get("_") or "", "media")))
        return described
    preview: Description = {"type": "preview"}
    for key, field in (("width", "w"), ("height", "h"), ("duration", "video_duration")):
        if extended.get(field) is not None:
            preview[key] = extended[field]
    add_more(preview, rest(extended, silent(extended.get("_") or "", "w", "h", "video_duration")))
    return preview


def _story(media: RawRecord) -> Description:
    story = media.get("story")
    return {
        "peer_id": marked_id(media.get("peer")),
        "story_id": media.get("id"),
        "story": _story_item(story) if story else None,
    }


def _story_item(story: RawRecord) -> Description:
    described: Description = {"date": timestamp(story.get("date")), "text": story.get("caption")}
    if story.get("entities"):
        described["entities"] = entities_of(story["entities"])
    add_media(described, "media", story.get("media"))
    said = ("id", "date", "caption", "entities", "media")
    add_more(described, rest(story, silent(story.get("_") or "", *said)))
    return {key: value for key, value in described.items() if value is not None}


def _giveaway(media: RawRecord) -> Description:
    return {"description": media.get("prize_description"), "amount": media.get("stars")}


def _nothing_more(_: RawRecord) -> Description:
    return {}


def _kind(
    constructor: str, describe: Callable[[RawRecord], Description], *said: str
) -> tuple[Callable[[RawRecord], Description], frozenset[str]]:
    return describe, silent(constructor, *_OF_ALL, *said)


_POINT = ("geo", "title", "address", "period", "heading", "provider", "venue_id", "venue_type")
_KINDS: dict[str, tuple[Callable[[RawRecord], Description], frozenset[str]]] = {
    f"MessageMedia{name}": _kind(f"MessageMedia{name}", describe, *said)
    for name, describe, said in (
        ("Photo", _photo, ("photo", "video", "live_photo")),
        ("Document", _document, ("document", "round", "voice", "video", "alt_documents", "video_timestamp")),
        ("WebPage", web_page, ("webpage",)),
        ("Geo", _geo, _POINT),
        ("GeoLive", _geo, _POINT),
        ("Venue", _geo, _POINT),
        ("Contact", _contact, ("first_name", "last_name", "phone_number", "user_id", "vcard")),
        ("Dice", _dice, ("emoticon", "value")),
        ("Game", _game, ("game",)),
        ("Invoice", _invoice, ("title", "description", "total_amount", "currency", "extended_media")),
        ("Story", _story, ("peer", "id", "story")),
        ("PaidMedia", _paid, ("stars_amount", "extended_media")),
        ("Giveaway", _giveaway, ("prize_description", "stars")),
        ("GiveawayResults", _giveaway, ("prize_description", "stars")),
        ("Poll", _nothing_more, ("poll", "results", "attached_media")),
        ("ToDo", _nothing_more, ("todo", "completions")),
        ("VideoStream", _nothing_more, ()),
        ("Unsupported", _nothing_more, ()),
    )
}
"""How each kind is described, and what of it is then said or left out."""
