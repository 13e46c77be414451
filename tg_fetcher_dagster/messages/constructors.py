"""Telegram's constructor names as the words of our files: `MessageActionPinMessage` is `pin_message`."""

import re
from functools import cache

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@cache
def snake_name(constructor: str, prefix: str) -> str:
    """Returns the name without its family's prefix, in snake case.

    >>> snake_name("MessageActionChatAddUser", "MessageAction")
    'chat_add_user'
    >>> snake_name("MessageActionSetMessagesTTL", "MessageAction")
    'set_messages_ttl'
    >>> snake_name("SomethingNew", "MessageAction")
    'something_new'
    """
    return _WORD_START.sub("_", constructor.removeprefix(prefix)).lower()
