"""The links of a message, each in one spelling, so that the same page is the same string.

What is changed: scheme and host in lower case, international hosts in their ASCII form, default ports and
tracking parameters dropped, an empty path made `/`, and Telegram's own addresses (`telegram.me`,
`tg://resolve`, `t.me/s/…`) made `https://t.me/…`. Fragments stay: many sites keep the page's place there.
A link that makes no sense as a URL is kept as it stands; nothing here raises.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit, urlunsplit

from tg_fetcher_dagster.messages.formatting import TextWithEntities, Utf16Text
from tg_fetcher_dagster.messages.peers import RawRecord

_BARE = re.compile(
    r"(?:https?://|tg://|(?<![\w@.-])(?:www\.|t\.me/|telegram\.me/|telegram\.dog/))[^\s<>\"«»`]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_TRAILING = ".,;:!?…'*_~|"
_BRACKETS = {")": "(", "]": "[", "}": "{"}
_TRACKING = frozenset(
    {
        "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid",
        "ymclid", "_openstat", "igshid", "igsh", "mc_cid", "mc_eid", "twclid", "ttclid",
        "li_fat_id", "vero_id", "_hsenc", "_hsmi", "mkt_tok", "oly_enc_id", "oly_anon_id",
        "rb_clickid", "s_cid", "wickedid", "_ga", "_gl",
    }
)  # fmt: skip
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TELEGRAM_HOSTS = frozenset({"t.me", "telegram.me", "telegram.dog", "www.t.me", "www.telegram.me"})


def links_of(text: str, entities: Sequence[RawRecord]) -> list[str]:
    """Returns the normalised links of a text in the order they stand, each once.

    Telegram marks the links of a text itself (it knows the top-level domains); only where it marked none are
    they looked for here, and then without bare names such as `example.com`.
    """
    found: list[str] = []
    marked = False
    cutter: Utf16Text | None = None
    for entity in entities:
        kind = entity.get("_")
        if kind == "MessageEntityTextUrl":
            found.append(entity.get("url") or "")
        elif kind == "MessageEntityUrl":
            marked = True
            cutter = cutter or Utf16Text(text)
            found.append(cutter.cut(entity.get("offset") or 0, entity.get("length") or 0))
        elif "url" in entity:  # of what only rich texts have: an embedded page, a picture that is a link
            found.append(entity["url"] or "")
    if not marked and ("://" in text or "t.me/" in text or "www." in text or "telegram." in text):
        found.extend(_trimmed(match) for match in _BARE.findall(text))
    if not found:
        return []
    return list(dict.fromkeys(normalize_link(link) for link in found if link.strip()))


def more_links(known: list[str], texts: Iterable[TextWithEntities], urls: Iterable[str]) -> list[str]:
    """Returns the links of a message: those of its text, then those of its other words and of its buttons."""
    found = list(known)
    for text, entities in texts:
        if text:
            found.extend(links_of(text, entities))
    found.extend(normalize_link(url) for url in urls if url.strip())
    return list(dict.fromkeys(found))


def _trimmed(link: str) -> str:
    """Drops the punctuation of the sentence around a link; brackets only where they do not belong to it."""
    while link:
        last = link[-1]
        opening = _BRACKETS.get(last)
        if last in _TRAILING or (opening and link.count(opening) < link.count(last)):
            link = link[:-1]
        else:
            break
    return link


@lru_cache(maxsize=4096)
def normalize_link(link: str) -> str:
    """Returns the link's one spelling; a link that is no URL comes back as it is.

    >>> normalize_link("HTTPS://Example.COM:443?utm_source=tg&id=7#top")
    'https://example.com/?id=7#top'
    >>> normalize_link("telegram.me/s/Ru_Python/12")
    'https://t.me/Ru_Python/12'
    >>> normalize_link("http://[bad")
    'http://[bad'
    """
    link = link.strip()
    try:
        return _normalized(link)
    except ValueError:
        # urlsplit refuses what merely looks like a URL; the message must not be lost for it.
        return link


def _normalized(link: str) -> str:
    # "example.com:8080" reads like a scheme but is a host with a port.
    if "://" not in link and not (_SCHEME.match(link) and not re.match(r"[^/:]+\.[^/:]+:\d", link)):
        link = f"https://{link}"
    parts = urlsplit(link)
    scheme = parts.scheme.lower()
    if scheme == "tg":
        return _from_app_link(link)
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        return link
    host = parts.hostname.lower()
    if host in _TELEGRAM_HOSTS:
        return _telegram_link(parts.path, parts.query)
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{port}"
    userinfo, at, _ = parts.netloc.rpartition("@")
    fragment = "" if parts.fragment.startswith(":~:") else parts.fragment
    return urlunsplit((scheme, f"{userinfo}{at}{host}", parts.path or "/", _own_query(parts.query), fragment))


def _own_query(query: str) -> str:
    """The query without tracking parameters; the others as they are, in their order."""
    if not query:
        return ""
    return "&".join(part for part in query.split("&") if not _is_tracking(part))


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name.startswith("utm_") or name in _TRACKING


def _telegram_link(path: str, query: str) -> str:
    if path.startswith("/s/"):
        path = path[2:]  # the web preview of the same channel
    kept = "&".join(part for part in _own_query(query).split("&") if part not in {"", "single", "embed=1"})
    return urlunsplit(("https", "t.me", path.rstrip("/") or "/", kept, ""))


def _from_app_link(link: str) -> str:
    """`tg://resolve?domain=x&post=1` is `https://t.me/x/1`; other app links stay."""
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    if parts.netloc.lower() != "resolve" or "domain" not in query:
        return link
    post = query.get("post")
    if set(query) - {"domain", "post", "single"}:
        return link
    return f"https://t.me/{query['domain'][0]}" + (f"/{post[0]}" if post else "")
