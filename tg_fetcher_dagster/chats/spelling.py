"""How a chat is spelled and what its key is (contracts.md, 1 and 3).

A spelling is what a person or a program wrote; a marked id is how Telegram's clients write a peer in one
number (users positive, basic groups negative, channels and supergroups below -10^12); a key is the folder
and the partition, made safe here and nowhere else.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from tg_fetcher_dagster.chats.ids import (
    LARGEST,
    LARGEST_USER,
    Kind,
    bare_id,
    id_key,
    kind_of,
    marked,
)
from tg_fetcher_dagster.errors import ErrorType, FetchError

KEY_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"
"""Safe as a folder and as a Dagster partition (Dagster accepts `|`, `/` and `..`, and breaks later)."""

_KEY = re.compile(KEY_PATTERN)
_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_NUMBER = re.compile(r"-?[0-9]{1,19}")
_FLOATING = re.compile(r"[-+]?[0-9]{1,19}(?:\.[0-9]{0,19})?(?:[eE]\+?[0-9]{1,2})?")
_ZEROS_OF_ROUNDING = 4
"""So many zeros at the end of a number that was written as a fraction: digits are missing. `%g` keeps six of
them, Lua's own `%.14g` all thirteen of a channel's id; one id in 10,000 ends so by itself."""
_ID_KEY = re.compile(r"(channel|chat|user)_([0-9]{1,16})")
_LINK = re.compile(
    r"(?:https?://)?(?:www\.)?(?:(?P<sub>[A-Za-z][A-Za-z0-9_]*)\.t\.me|(?:t|telegram)\.me|telegram\.dog)"
    r"(?:/(?P<path>[^?#]*))?(?:[?#].*)?",
    re.IGNORECASE,
)
_RESOLVE_LINK = re.compile(r"tg://resolve/?\?(?:.*&)?domain=(?P<name>[^&]+).*", re.IGNORECASE)
_SECTIONS = frozenset({"joinchat", "addlist", "addstickers", "share", "proxy", "login", "iv", "boost"})
_ALLOWED = "allowed: @name, name, https://t.me/name, -100123..., 123..., channel_123..."


@dataclass(frozen=True, slots=True)
class ChatSpelling:
    """One way to name a chat; exactly one of the last three fields is set.

    Attributes:
        canonical: the same text for all spellings that differ only in form; it parses to an equal spelling.
        username: lower case, without `@`.
        marked_id: where the kind of the peer is told.
        bare_id: a positive number without a kind: a channel, else a user.
    """

    canonical: str
    username: str | None = None
    marked_id: int | None = None
    bare_id: int | None = None

    @property
    def marked_ids(self) -> tuple[int, ...]:
        """The marked ids that it may mean, the likelier one first."""
        if self.marked_id is not None:
            return (self.marked_id,)
        if self.bare_id is not None:
            kinds: tuple[Kind, Kind] = ("channel", "user")
            return tuple(marked(kind, self.bare_id) for kind in kinds if self.bare_id <= LARGEST[kind])
        return ()

    @property
    def likely_key(self) -> str:
        """The key of a chat that nobody has resolved yet, for messages about it."""
        if self.username is not None:
            return self.username
        return id_key(self.marked_ids[0])


def written_number(value: str | float) -> str:
    """Returns a spelling as text; a number that was written as a fraction as the whole number that it is.

    Some producers (Lua, JavaScript, Excel) know no other numbers and write -1.001514035396e12. What is not
    whole, or has lost digits on the way, stays as it was written: `parse_spelling` refuses it.

    Example:
        >>> written_number(-1.001514035396e12), written_number("-1.001514035396e+12")
        ('-1001514035396', '-1001514035396')
        >>> written_number("-1.00151e+12")
        '-1.00151e+12'
    """
    text = str(value).strip()
    if not _FLOATING.fullmatch(text) or _NUMBER.fullmatch(text):
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if number != number.to_integral_value() or abs(number) > LARGEST_USER:
        return text
    whole = str(int(number))
    return text if len(whole) - len(whole.rstrip("0")) >= _ZEROS_OF_ROUNDING else whole


def parse_spelling(value: str | float) -> ChatSpelling:
    """Returns what a chat's spelling means, without asking anybody.

    Raises:
        FetchError: (validation) it is no chat's name, link or id.

    Example:
        >>> parse_spelling("https://t.me/Ru_Python").canonical
        'ru_python'
        >>> parse_spelling("-1001234567890") == parse_spelling("channel_1234567890")
        True
    """
    is_spelling = isinstance(value, str | int | float) and not isinstance(value, bool)
    text = written_number(value) if is_spelling else ""
    if not text:
        raise _refused(value, "is empty or no text")
    if _NUMBER.fullmatch(text):
        return _of_number(value, int(text))
    if _FLOATING.fullmatch(text):
        raise _refused(value, "is no whole number, or lacks digits that its writer rounded away")
    if named := _ID_KEY.fullmatch(text.lower()):
        return _of_kind(value, cast("Kind", named[1]), int(named[2]))
    if resolve_link := _RESOLVE_LINK.fullmatch(text):
        return _of_username(value, resolve_link["name"])
    if link := _LINK.fullmatch(text):
        return _of_link(value, link["sub"], link["path"] or "")
    return _of_username(value, text.removeprefix("@"))


def _of_number(value: str | float, number: int) -> ChatSpelling:
    if number > 0:
        if number > LARGEST_USER:
            raise _refused(value, "is too large for an id of Telegram")
        return ChatSpelling(canonical=str(number), bare_id=number)
    return _of_kind(value, kind_of(number), bare_id(number))


def _of_kind(value: str | float, kind: Kind, number: int) -> ChatSpelling:
    if not 1 <= number <= LARGEST[kind]:
        raise _refused(value, f"is no {kind} id of Telegram")
    return ChatSpelling(canonical=f"{kind}_{number}", marked_id=marked(kind, number))


def _of_link(value: str | float, subdomain: str | None, path: str) -> ChatSpelling:
    if subdomain and subdomain.lower() != "www":
        return _of_username(value, subdomain)
    parts = [part for part in path.split("/") if part]
    if parts and parts[0] == "s":  # the web preview: t.me/s/name
        parts = parts[1:]
    if not parts:
        raise _refused(value, "names no chat")
    if parts[0].startswith("+") or parts[0].lower() in _SECTIONS:
        raise _refused(
            value, "is an invite or a service link: join with the account, then give the chat's id"
        )
    if parts[0] == "c" and len(parts) > 1 and parts[1].isascii() and parts[1].isdecimal():
        return _of_kind(value, "channel", int(parts[1]))  # a private channel's message: t.me/c/id/message
    return _of_username(value, parts[0].removeprefix("@"))


def _of_username(value: str | float, name: str) -> ChatSpelling:
    if not _USERNAME.fullmatch(name):
        raise _refused(value, "is no chat's name (4 to 32 letters, digits and _, a letter first)")
    lowered = name.lower()
    # A name that looks like an id's key keeps its @, so that the two never mean each other.
    return ChatSpelling(canonical=f"@{lowered}" if _ID_KEY.fullmatch(lowered) else lowered, username=lowered)


def _refused(value: object, reason: str) -> FetchError:
    shown = repr(value)
    return FetchError(
        ErrorType.VALIDATION,
        f"chat {shown if len(shown) <= 80 else shown[:77] + '...'} {reason}; {_ALLOWED}",  # noqa: PLR2004
    )


def chat_key(*, username: str | None, marked_id: int) -> str:
    """Returns the key of a chat that is seen for the first time: its username in lower case, else its id.

    Example:
        >>> chat_key(username="Ru_Python", marked_id=-1001234567890)
        'ru_python'
        >>> chat_key(username=None, marked_id=-1001234567890)
        'channel_1234567890'
    """
    name = (username or "").removeprefix("@").lower()
    if name and _KEY.fullmatch(name) and not _ID_KEY.fullmatch(name):
        return name
    return id_key(marked_id)


def check_chat_key(key: str) -> str:
    """Returns the key if it is safe as a folder and a partition.

    Raises:
        FetchError: (validation) it is not.
    """
    if not _KEY.fullmatch(key):
        raise FetchError(
            ErrorType.VALIDATION,
            f"chat key {key[:80]!r} is not safe: allowed are a-z, 0-9 and _, a letter first, at most 64",
        )
    return key
