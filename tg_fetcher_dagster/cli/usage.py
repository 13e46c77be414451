"""A command line that makes no sense: one line and exit code 2."""

from typing import TYPE_CHECKING, Any, Final

from typer.exceptions import TyperException

if TYPE_CHECKING:
    from tg_fetcher_dagster.chats.spelling import ChatSpelling

IDS_ALLOWED: Final[dict[str, Any]] = {"ignore_unknown_options": True}
"""A command's context settings with which `-1001234567890` is a chat and no bundle of options."""


class WrongUse(TyperException):
    """Options that contradict each other or miss something; the message says what is allowed."""

    exit_code = 2


def spelling_of(chat: str) -> "ChatSpelling":
    """Returns what a chat's spelling means.

    Raises:
        WrongUse: it is an option that nobody knows (see IDS_ALLOWED).
        FetchError: (validation) it is no chat's name, link or id.
    """
    from tg_fetcher_dagster.chats.spelling import parse_spelling

    if chat.startswith("-") and not chat[1:].isdecimal():
        raise WrongUse(f"No such option: {chat}")
    return parse_spelling(chat)
