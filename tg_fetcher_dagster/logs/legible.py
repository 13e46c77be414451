"""Text from elsewhere that is shown on a terminal or written to a log: it never commands either. Pure.

Titles, messages and commands are written by strangers. An escape sequence among them can rename a window,
hide a line or, on some terminals, type; a change of the writing direction shows another word than is there.
"""

import re
from typing import Final

_COMMANDING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
"""Controls of ASCII and Latin-1 (ECMA-48) but newline and tab, line and paragraph separators, and the
characters that override the writing direction (Unicode, UAX 9); also half a pair of UTF-16, which no stream
takes."""


def legible_lines(text: str) -> str:
    r"""Returns a text with newlines and tabs, everything else that commands a terminal as `\u001b`.

    That spelling is JSON's own: a JSON document means the same afterwards.
    """
    return _COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def legible(text: str) -> str:
    r"""Returns a text as one line that commands no terminal.

    Example:
        >>> print(legible("red \x1b[31malert\nerror: none"))
        red \u001b[31malert\u000aerror: none
    """
    return legible_lines(text).replace("\n", "\\u000a").replace("\t", "\\u0009")
