"""Russian, English or another language, told by script, tell-tale letters and a few function words.

Chat messages are short and arrive by the hundred thousand; libraries that know a hundred languages need
over 100 µs each and are least sure of short texts. Only three answers are wanted here, and these rules
give them in a few microseconds:

1. Links, @names and #tags are left out. Without letters the answer is `other`.
2. Cyrillic is the script where at least a third of the letters are Cyrillic: Russian talk about technology
   is full of Latin names. Letters that Russian lacks (і ї є ґ ў ј љ, ә қ ө, …) make it `other`; so do
   function words of Ukrainian, Bulgarian or Serbian in a text without ы, э, ё.
3. Latin is `en`, unless function words of other languages, two or more, outnumber the English ones. Where
   letters outside a to z make up more than a twentieth it takes two English function words to be `en`.
4. Any other script is `other`.
"""

import re

from tg_fetcher_dagster.messages.letters import Letters, count_letters
from tg_fetcher_dagster.messages.schema import Language

_NOT_PROSE = re.compile(r"(?:https?://|www\.|t\.me/|[@#])\S+")
_WORD = re.compile(r"[a-zß-öø-ÿ]+")
_CYRILLIC_WORD = re.compile(r"[а-я]+")
_CYRILLIC_SHARE = 3
_FOREIGN_SHARE = 20
_TELLING = 2


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


# Words that English, its borrowed terms, or Russian have too tell nothing and are not listed.
_ENGLISH = _words(
    "the and or not is are was were be been have has had do does did will would can could should",
    "you he she it we they my your his her its our their this that these those what which who how why",
    "when where there if of to on for with from by but just yes any some more about",
    "please thanks hello hi",
)
_OTHER_LATIN = _words(
    "der das und ist nicht ich ein eine mit auf für auch wir sie wie aber oder noch bei guten danke",
    "el los las una que por para pero como está es muy del gracias hola qué porque también",
    "le une et est pas je vous nous avec pour dans mais sur qui bonjour merci",
    "il gli che di per sono della questo anche grazie ciao um uma não mas você isso obrigado ao",
    "nie jest się że jak ale czy dla tak dziękuję bir ve bu için değil çok ben ile mi yok merhaba",
    "het een niet dat ik maar ook voor och att det inte",
)
_OTHER_CYRILLIC = _words(
    "що це але або вже дуже треба потрібно немає съм са това което този тази няма какво благодаря ще",
    "бъде није шта али је",
)


def detect_language(text: str, letters: Letters) -> Language:
    """Returns the language of a message's text.

    Args:
        text: the message's text.
        letters: its `count_letters`, counted once for all who ask.
    """
    if "@" in text or "://" in text or "#" in text or "t.me/" in text or "www." in text:
        text = _NOT_PROSE.sub(" ", text)
        letters = count_letters(text)
    known = letters.cyrillic + letters.latin
    if letters.foreign > known or not known:
        return "other"
    if letters.cyrillic * _CYRILLIC_SHARE >= known:
        return _of_cyrillic(text, letters)
    return _of_latin(text, letters)


def _of_cyrillic(text: str, letters: Letters) -> Language:
    if letters.not_russian or letters.foreign:
        # One letter may be a name or a slip in a Russian text; Ukrainian has one in every second word.
        told = letters.not_russian + letters.foreign
        if told * _FOREIGN_SHARE >= letters.cyrillic or not letters.russian_only:
            return "other"
    if not letters.russian_only and not _OTHER_CYRILLIC.isdisjoint(_CYRILLIC_WORD.findall(text.lower())):
        return "other"
    return "ru"


def _of_latin(text: str, letters: Letters) -> Language:
    words = set(_WORD.findall(text.lower()))
    english, other = len(words & _ENGLISH), len(words & _OTHER_LATIN)
    if letters.foreign * _FOREIGN_SHARE > letters.latin:
        return "en" if english >= _TELLING and english > other else "other"
    # In "hola gracias" both words tell; a longer text may hold one by chance (a name, a quotation).
    if other >= _TELLING or (other and len(words) <= _TELLING):
        return "other" if other > english else "en"
    return "en"
