"""How `tg-fetcher logged` knows our own lines among all that a program says: by a secret of the two.

It is in the environment of the program and of all that this starts, and on each line that our logging writes
there; the relay takes it off. Whoever writes a text that is logged (a title, a message, a command) does not
know it, so whatever he writes is a foreign line, and is masked and stamped as one.
"""

import os
import secrets
from typing import Final

VARIABLE: Final = "TG_FETCHER_RELAY"

KEY: Final = "relay"
"""The field that holds it, the last one of a line."""


def new_token() -> str:
    """Returns a secret for one relay and the program below it."""
    return secrets.token_hex(8)


def token_of_this_process() -> str | None:
    """Returns the secret of the relay that this process is below; None where there is none."""
    return os.environ.get(VARIABLE) or None


def without_mark(text: str, token: str) -> str | None:
    """Returns the first line of a text line of ours without its mark; None where it has none."""
    mark = f" {KEY}={token}"
    return text.removesuffix(mark).rstrip(" ") if text.endswith(mark) else None
