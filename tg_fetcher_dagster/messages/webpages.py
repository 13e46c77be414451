"""Link previews, and the article that Telegram shows of a page without opening it (instant view)."""

from typing import Any

from tg_fetcher_dagster.messages.documents import Description, words_of_documents
from tg_fetcher_dagster.messages.formatting import entities_of
from tg_fetcher_dagster.messages.links import links_of
from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord
from tg_fetcher_dagster.messages.rich_text import rich_text_of

_KEYS = ("url", "site_name", "title", "description")
_MORE_KEYS = ("author", "embed_url")
_PAGE_SAID = (*_KEYS, *_MORE_KEYS, "display_url", "photo", "document", "cached_page", "attributes")
_ARTICLE = silent("Page", "url", "blocks", "photos", "documents", "part", "views")


def web_page(media: RawRecord) -> Description:
    """Returns what a `MessageMediaWebPage` shows of the page."""
    page = media.get("webpage") or {}
    described: Description = {"type": "webpage", **{key: page.get(key) for key in _KEYS}}
    for key in _MORE_KEYS:
        if page.get(key):
            described[key] = page[key]
    shown = page.get("display_url")
    if shown and shown not in (page.get("url") or ""):
        described["display_url"] = shown
    document, article = page.get("document"), page.get("cached_page")
    if document:
        add_more(described, _words([document], "document"))
    if article:
        described["article"] = _article(article)
    if page.get("attributes"):
        add_more(described, {"attributes": [own_record(attribute) for attribute in page["attributes"]]})
    add_more(described, rest(page, silent(page.get("_") or "", *_PAGE_SAID)))
    return described


def _article(page: RawRecord) -> dict[str, Any]:
    """The words of a page, whatever part of it came along."""
    text, entities = rich_text_of(page.get("blocks") or ())
    article: dict[str, Any] = {"text": text or None, "links": links_of(text, entities)}
    if page.get("url"):
        article["url"] = page["url"]
    if entities:
        article["entities"] = entities_of(entities)
    if page.get("part"):
        article["partial"] = True
    if page.get("views") is not None:
        article["views"] = page["views"]
    add_more(article, _words(page.get("documents"), "documents"))
    add_more(article, rest(page, _ARTICLE))
    return article


def _words(documents: list[RawRecord] | None, key: str) -> dict[str, Any]:
    words = words_of_documents(documents)
    return {key: words} if words else {}
