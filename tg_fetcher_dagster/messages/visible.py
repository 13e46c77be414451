"""Whether a name can be seen: people call themselves by letters that show nothing."""

import unicodedata

_BLANK_CATEGORIES = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_BLANK_LETTERS = frozenset(
    "\u115f\u1160\u3164\uffa0"  # Hangul fillers
    "\u2800"  # the braille pattern without dots
    "\u034f\u17b4\u17b5\U0001d159"  # joiners, inherent vowels, the null note head
)
"""Letters and signs by their category that have no ink."""
_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0000, 0xE1000))
"""Variation selectors and tags: they only change the look of what stands before them."""


def is_visible(text: str) -> bool:
    """Returns whether a reader sees anything of a text.

    >>> is_visible("Anna"), is_visible("\u3164 \u200b"), is_visible("")
    (True, False, False)
    """
    if text.isascii():
        return any(" " < letter < "\x7f" for letter in text)
    return any(not _is_blank(letter) for letter in text)


def _is_blank(letter: str) -> bool:
    if letter in _BLANK_LETTERS or unicodedata.category(letter) in _BLANK_CATEGORIES:
        return True
    code = ord(letter)
    return any(code in selectors for selectors in _SELECTORS)
