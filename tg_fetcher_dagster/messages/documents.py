"""Photos and files, without their bytes."""

from typing import Any

from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord

Description = dict[str, Any]

_KINDS = ("sticker", "custom_emoji", "animation", "video_note", "video", "voice", "audio")
"""Most telling first: an animated sticker also has the attributes of a video."""
_PHOTO = silent("Photo", "id", "sizes", "date", "has_stickers")
_DOCUMENT = silent("Document", "id", "mime_type", "size", "attributes", "date")
_WORDS = ("file_name", "title", "performer", "emoji", "sticker_set", "more")
_MACHINE_MADE = "mtproto"
"""How the file names begin that Telegram gives to a video's other qualities."""
_NAMELESS_SETS = frozenset({"InputStickerSetID", "InputStickerSetEmpty"})


def add_photo(described: Description, photo: RawRecord) -> None:
    """Adds what a `Photo` tells: its id, and the largest size's pixels and bytes."""
    described["photo_id"] = _text_id(photo.get("id"))
    sizes: list[RawRecord] = photo.get("sizes") or []
    largest: RawRecord = max(sizes, key=lambda size: size.get("w") or 0, default={})
    described["width"], described["height"] = largest.get("w"), largest.get("h")
    # A progressive size lists the bytes of each of its stages; the last is the whole picture.
    described["size"] = largest.get("size") or max(largest.get("sizes") or (), default=None)
    more = rest(photo, _PHOTO)
    if more:
        add_more(described, more)


def add_document(described: Description, document: RawRecord) -> None:
    """Adds what a `Document` and its attributes tell, its `type` too."""
    described["document_id"] = _text_id(document.get("id"))
    described["mime_type"] = document.get("mime_type")
    described["size"] = document.get("size")
    kinds = set()
    for attribute in document.get("attributes") or ():
        kinds.add(_add_attribute(attribute, described))
    described["type"] = next((kind for kind in _KINDS if kind in kinds), "document")
    more = rest(document, _DOCUMENT)
    if more:
        add_more(described, more)


def words_of_documents(documents: list[RawRecord] | None) -> list[Description]:
    """Returns what people wrote into files that are not a message's own (other qualities, previews)."""
    found = []
    for document in documents or ():
        described: Description = {}
        add_document(described, document)
        words = {key: described[key] for key in _WORDS if described.get(key)}
        if str(words.get("file_name", "")).startswith(_MACHINE_MADE):
            del words["file_name"]
        if words:
            found.append(words)
    return found


def _add_attribute(attribute: RawRecord, described: Description) -> str:
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
        kept = {"emoji": attribute.get("alt"), "sticker_set": _sticker_set(attribute, described)}
        speaks_for = "sticker" if kind == "DocumentAttributeSticker" else "custom_emoji"
    elif kind == "DocumentAttributeAnimated":
        speaks_for = "animation"
    elif kind != "DocumentAttributeHasStickers":
        _keep_whole(attribute, described)
    for key, value in kept.items():
        if value is None:
            continue
        if isinstance(value, str) and described.get(key, value) != value:
            # A second name or title: the first one has the key.
            _keep_whole(attribute, described)
            break
        described[key] = value
    return speaks_for


def _sticker_set(attribute: RawRecord, described: Description) -> str | None:
    """The set's public name, where Telegram names it; by its number only the account can ask for it."""
    stickers = attribute.get("stickerset")
    if not stickers or stickers.get("_") in _NAMELESS_SETS:
        return None
    name: str | None = stickers.get("short_name")
    if name is None:
        _keep_whole(attribute, described)
    return name


def _keep_whole(attribute: RawRecord, described: Description) -> None:
    described.setdefault("more", {}).setdefault("attributes", []).append(own_record(attribute))


def _text_id(number: int | None) -> str | None:
    return None if number is None else str(number)
