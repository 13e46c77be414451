"""How much of a text is ASCII, Latin, Cyrillic or something else: what tokens and language are told by.

Counting goes through code page 1251, which holds ASCII and all of Slavic Cyrillic in one byte a letter:
deleting a set of bytes and comparing lengths takes well under a microsecond for a chat message, while a
loop in Python over the characters takes ten.
"""

import re
from typing import NamedTuple

_ASCII = bytes(range(128))
_LATIN = bytes(code for code in range(128) if chr(code).isalpha())
_CYRILLIC_LETTERS = "".join(
    letter
    for letter in bytes(range(128, 256)).decode("cp1251", "ignore")
    if letter.isalpha() and letter != "µ"  # the sign for a millionth
)
_CYRILLIC = _CYRILLIC_LETTERS.encode("cp1251")
_NOT_RUSSIAN = "іїєґўђјљњћџѓќѕІЇЄҐЎЂЈЉЊЋЏЃЌЅ".encode("cp1251")
_RUSSIAN_ONLY = "ыэёЫЭЁ".encode("cp1251")
_FOREIGN_LETTERS = re.compile(rf"[^\W\d_a-zA-Z{_CYRILLIC_LETTERS}]+")


class Letters(NamedTuple):
    """Counts of characters.

    Attributes:
        ascii: all ASCII characters, spaces and digits too.
        latin: the letters a to z among them.
        cyrillic: Cyrillic letters of the Slavic languages.
        not_russian: those of them that Russian does not have.
        russian_only: those that of these languages Russian and Belarusian alone have.
        foreign: letters of any other kind (ä, ł, ә, Greek, Arabic, Chinese, …).
        rest: everything that is neither ASCII nor one of the Cyrillic letters.
    """

    ascii: int
    latin: int
    cyrillic: int = 0
    not_russian: int = 0
    russian_only: int = 0
    foreign: int = 0
    rest: int = 0


def count_letters(text: str) -> Letters:
    """Returns the counts for one text."""
    if text.isascii():
        raw = text.encode("ascii")
        return Letters(len(raw), len(raw) - len(raw.translate(None, _LATIN)))
    raw = text.encode("cp1251", "ignore")
    total = len(raw)
    beyond_ascii = raw.translate(None, _ASCII)
    cyrillic = len(beyond_ascii) - len(beyond_ascii.translate(None, _CYRILLIC))
    ascii_count = total - len(beyond_ascii)
    return Letters(
        ascii=ascii_count,
        latin=total - len(raw.translate(None, _LATIN)),
        cyrillic=cyrillic,
        not_russian=len(beyond_ascii) - len(beyond_ascii.translate(None, _NOT_RUSSIAN)),
        russian_only=len(beyond_ascii) - len(beyond_ascii.translate(None, _RUSSIAN_ONLY)),
        foreign=0 if total == len(text) else sum(map(len, _FOREIGN_LETTERS.findall(text))),
        rest=len(text) - ascii_count - cyrillic,
    )
