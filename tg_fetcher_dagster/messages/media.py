"""What is attached to a message, without its bytes; an unknown kind keeps its constructor's name."""

from collections.abc import Callable
from typing import Any

from tg_fetcher_dagster.messages.constructors import snake_name
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id

Description = dict[str, Any]


def media_of(media: RawRecord) -> Description | None:
    """Returns a `schema.Media` without empty keys, or None for no media at all."""
    kind = media.get("_", "")
    if kind in {"", "MessageMediaEmpty"}:
        return None
    describe = _KINDS.get(kind)
    described = describe(media) if describe else {}
    if "type" not in described:
        known = kind if describe is None else snake_name(kind, "MessageMedia")
        described = {"type": known, **described}
    if media.get("spoiler"):
        described["spoiler"] = True
    if media.get("ttl_seconds"):
        described["ttl_seconds"] = media["ttl_seconds"]
    return {key: value for key, value in described.items() if value is not None}


def _photo(media: RawRecord) -> Description:
    photo = media.get("photo") or {}
    described: Description = {"type": "photo", "photo_id": _text_id(photo.get("id"))}
    sizes: list[RawRecord] = photo.get("sizes") or []
    largest: RawRecord = max(sizes, key=lambda size: size.get("w") or 0, default={})
    described["width"], described["height"] = largest.get("w"), largest.get("h")
    # A progressive size lists the bytes of each of its stages; the last is the whole picture.
    described["size"] = largest.get("size") or max(largest.get("sizes") or (), default=None)
    return described


def _document(media: RawRecord) -> Description:
    document = media.get("document") or {}
    described: Description = {
        "type": "document",
        "document_id": _text_id(document.get("id")),
        "mime_type": document.get("mime_type"),
        "size": document.get("size"),
    }
    kinds = set()
    for attribute in document.get("attributes") or ():
        kinds.add(_attribute(attribute, described))
    described["type"] = next((kind for kind in _DOCUMENT_KINDS if kind in kinds), "document")
    for flag, kind in (("round", "video_note"), ("voice", "voice")):
        if media.get(flag):
            described["type"] = kind
    return described


_DOCUMENT_KINDS = ("sticker", "custom_emoji", "animation", "video_note", "video", "voice", "audio")
"""Most telling first: an animated sticker also has the attributes of a video."""


def _attribute(attribute: RawRecord, described: Description) -> str:
    """Adds what one attribute tells of a document; returns the kind of document it speaks for."""
    kind = attribute.get("_", "")
    kept: Description = {}
    speaks_for = ""
    if kind == "DocumentAttributeFilename":
        kept = {"file_name": attribute.get("file_name")}
    elif kind == "DocumentAttributeVideo":
        kept = {
            "duration": attribute.get("duration"),
            "width": attribute.get("w"),
            "height": attribute.get("h"),
        }
        speaks_for = "video_note" if attribute.get("round_message") else "video"
    elif kind == "DocumentAttributeAudio":
        kept = {key: attribute.get(key) for key in ("duration", "title", "performer")}
        speaks_for = "voice" if attribute.get("voice") else "audio"
    elif kind == "DocumentAttributeImageSize":
        kept = {"width": attribute.get("w"), "height": attribute.get("h")}
    elif kind in {"DocumentAttributeSticker", "DocumentAttributeCustomEmoji"}:
        kept = {"emoji": attribute.get("alt")}
        speaks_for = "sticker" if kind == "DocumentAttributeSticker" else "custom_emoji"
    elif kind == "DocumentAttributeAnimated":
        speaks_for = "animation"
    described.update((key, value) for key, value in kept.items() if value is not None)
    return speaks_for


def _web_page(media: RawRecord) -> Description:
    page = media.get("webpage") or {}
    return {
        "type": "webpage",
        "url": page.get("url"),
        "site_name": page.get("site_name"),
        "title": page.get("title"),
        "description": page.get("description"),
    }


def _geo(media: RawRecord) -> Description:
    point = media.get("geo") or {}
    return {
        "latitude": point.get("lat"),
        "longitude": point.get("long"),
        "title": media.get("title"),
        "address": media.get("address"),
    }


def _contact(media: RawRecord) -> Description:
    name = f"{media.get('first_name') or ''} {media.get('last_name') or ''}".strip()
    return {
        "title": name or None,
        "phone_number": media.get("phone_number"),
        "user_id": media.get("user_id") or None,
    }


def _dice(media: RawRecord) -> Description:
    return {"emoji": media.get("emoticon"), "value": media.get("value")}


def _game(media: RawRecord) -> Description:
    game = media.get("game") or {}
    return {"title": game.get("title"), "description": game.get("description")}


def _invoice(media: RawRecord) -> Description:
    return {
        "title": media.get("title"),
        "description": media.get("description"),
        "amount": media.get("total_amount"),
        "currency": media.get("currency"),
    }


def _story(media: RawRecord) -> Description:
    return {"peer_id": marked_id(media.get("peer")), "story_id": media.get("id")}


def _paid(media: RawRecord) -> Description:
    return {"amount": media.get("stars_amount")}


def _giveaway(media: RawRecord) -> Description:
    return {"description": media.get("prize_description"), "amount": media.get("stars")}


def _nothing_more(_: RawRecord) -> Description:
    return {}


def _text_id(number: int | None) -> str | None:
    return None if number is None else str(number)


_KINDS: dict[str, Callable[[RawRecord], Description]] = {
    "MessageMediaPhoto": _photo,
    "MessageMediaDocument": _document,
    "MessageMediaWebPage": _web_page,
    "MessageMediaGeo": _geo,
    "MessageMediaGeoLive": _geo,
    "MessageMediaVenue": _geo,
    "MessageMediaContact": _contact,
    "MessageMediaDice": _dice,
    "MessageMediaGame": _game,
    "MessageMediaInvoice": _invoice,
    "MessageMediaStory": _story,
    "MessageMediaPaidMedia": _paid,
    "MessageMediaGiveaway": _giveaway,
    "MessageMediaGiveawayResults": _giveaway,
    "MessageMediaPoll": _nothing_more,
    "MessageMediaToDo": _nothing_more,
    "MessageMediaVideoStream": _nothing_more,
    "MessageMediaUnsupported": _nothing_more,
}
