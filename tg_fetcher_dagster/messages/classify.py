"""What kind of message it is, by small rules in this order; the first that fits decides.

1. `service`: Telegram's own note (somebody joined, a message was pinned).
2. `log`: a traceback, or a line that starts with a time or a level and reads like a program's log.
3. `code`: at least half the text is marked as code, a ``` fence, or two lines that read like code.
4. `spam`: words of easy money or gambling, together with a call to write or sign up, or with a link, a
   @name or a sum of money.
5. `question`: a sentence ends with a question mark (in a text over 400 characters: the last one does), or
   it asks in words ("подскажите", "does anyone").
6. `answer`: a reply of at least three words that is none of the above. Whether the message replied to was
   a question is not known: the day is read newest first.
7. `other`.
"""

import re
from collections.abc import Sequence

from tg_fetcher_dagster.messages.peers import RawRecord
from tg_fetcher_dagster.messages.schema import MessageType

_LEVEL = r"(?:TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|FATAL|CRITICAL)"
_LOG = re.compile(
    r"Traceback \(most recent call last\)"
    rf"|^\W{{0,2}}\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.{{0,80}}\b{_LEVEL}\b"
    rf"|^\W{{0,2}}{_LEVEL}(?:[:\]|]|\s+[\[(:\d])"
    r"|^\s+at [\w$.<>]+\([\w.]+:\d+\)"
    r"|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+\[\d+\]:",
    re.MULTILINE,
)
_LOG_SIGNS = ("Traceback", "ERROR", "INFO", "WARN", "DEBUG", "FATAL", "CRITICAL", "TRACE", "    at ", "]: ")
_CODE_LINE = re.compile(
    r"^[ \t]*(?:(?:async )?def \w+\(|class \w+[:({]|(?:from [\w.]+ )?import [\w.{*]|return\b.*[;)\]\w]$"
    r"|for .+ in .+:$|if .+(?::|\{)$|while .+(?::|\{)$|(?:const|let|var) \w+ ?=|function \w*\("
    r"|#include ?[<\"]|package \w+;?$|(?:public|private|static) .+[;{]$|SELECT .+ FROM "
    r"|[a-zA-Z_][\w.]* ?(?::=|\+=|=) ?[\w\"'\[{(]|[a-zA-Z_][\w.]*\(.*\);?$|[}\])]+[;,)]*$|</?\w+.*>$|\$ \w+)",
    re.MULTILINE,
)
_QUESTION_MARK = re.compile(r"[?？](?=$|[^\w&=/%#.\-+]|[.…])")
_ENDS_ASKING = re.compile(r"[?？][\W_]*$")
_ASKING_WORDS = re.compile(
    r"подскажите|посоветуйте|кто-нибудь (?:зна|мож|стал|польз|дел)|кто(?:-то)? (?:знает|сталкивался)"
    r"|\b(?:does|has|did|is) any(?:one|body)\b|\bany(?:one|body) (?:know|tried|here|have)"
    r"|\b(?:can|could) (?:someone|somebody|anyone|you) |\bhow (?:do|can|should) (?:i|we|you)\b"
)
_ASKING_SIGNS = (
    "подскажите", "посоветуйте", "кто",
    "anyone", "anybody", "someone", "somebody", "can you", "could you", "how ",
)  # fmt: skip
_LURE = re.compile(
    r"\b(?:заработ(?:ок|ка|ать|ай|ке)|доход(?:ом|а|у)? от|пассивн\w+ доход|казино|ставки на спорт|фриспин\w*"
    r"|промокод\w*|без вложений|л[её]гки[ей] деньги|удал[её]нн\w+ (?:доход|заработ\w+)|криптосигнал\w*"
    r"|раздача (?:usdt|btc)|casino|free spins|airdrop|easy money|earn (?:up to |from )?\$?\d"
    r"|passive income|crypto signals|guaranteed (?:profit|income)|double your)",
)
_LURE_SIGNS = (
    "зараб", "доход", "казино", "ставки", "фриспин", "промокод", "вложений", "деньги", "сигнал", "раздача",
    "casino", "spins", "airdrop", "money", "earn ", "income", "signals", "profit", "double",
)  # fmt: skip
"""One of them is in every lure: looking for them first takes a tenth of the expression's time."""
_CALL = re.compile(
    r"пиш(?:и|ите) (?:в|мне)|в (?:лс|личк\w+|директ)\b|переход(?:и|ите) по|жми(?:те)?\b|регистрируй\w*"
    r"|подпис(?:ывай\w+|аться)|успей\w*|количество мест|dm me|write me|join (?:now|us)"
    r"|click (?:here|the link)|sign up|register now|act now|limited spots",
    re.IGNORECASE,
)
_BAIT = re.compile(
    r"https?://|t\.me/|@\w{4,}|\d[\d\s.,]{0,12}(?:\$|€|₽|usd|usdt|руб|тыс|k\b)|[$€]\s?\d", re.IGNORECASE
)
_CODE_ENTITIES = frozenset({"MessageEntityPre", "MessageEntityCode"})
_CODE_LINES = 2
_LONG_TEXT = 400
_ENDING = 100
_ANSWER_WORDS = 3


def classify(text: str | None, entities: Sequence[RawRecord], *, service: bool, reply: bool) -> MessageType:
    """Returns the message's type.

    Args:
        text: its text.
        entities: its raw entities.
        service: whether it is a service message.
        reply: whether somebody pressed Reply (a comment's bond to its post is none).
    """
    if service:
        return "service"
    if not text:
        return "other"
    kind = _told_by_its_text(text, entities)
    if kind is not None:
        return kind
    if reply and len(text.split(maxsplit=_ANSWER_WORDS)) >= _ANSWER_WORDS:
        return "answer"
    return "other"


def _told_by_its_text(text: str, entities: Sequence[RawRecord]) -> MessageType | None:
    lowered = text.lower()
    if _is_log(text):
        return "log"
    if _is_code(text, entities):
        return "code"
    if _is_spam(text, lowered):
        return "spam"
    return "question" if _is_question(text, lowered) else None


def _has_one_of(signs: tuple[str, ...], text: str) -> bool:
    # A plain loop: any() over a generator takes three times as long, for each of three rules a message.
    for sign in signs:  # noqa: SIM110
        if sign in text:
            return True
    return False


def _is_log(text: str) -> bool:
    return _has_one_of(_LOG_SIGNS, text) and _LOG.search(text) is not None


def _is_code(text: str, entities: Sequence[RawRecord]) -> bool:
    if entities:
        marked = sum(entity.get("length") or 0 for entity in entities if entity.get("_") in _CODE_ENTITIES)
        if marked and 2 * marked >= len(text):
            return True
    if "```" in text:
        return True
    return "\n" in text and len(_CODE_LINE.findall(text)) >= _CODE_LINES


def _is_spam(text: str, lowered: str) -> bool:
    if not _has_one_of(_LURE_SIGNS, lowered) or _LURE.search(lowered) is None:
        return False
    return (_CALL.search(text) or _BAIT.search(text)) is not None


def _is_question(text: str, lowered: str) -> bool:
    if "?" in text or "？" in text:
        if len(text) > _LONG_TEXT:
            return _ENDS_ASKING.search(text, len(text) - _ENDING) is not None
        if _QUESTION_MARK.search(text):
            return True
    if len(text) > _LONG_TEXT:
        return False
    return _has_one_of(_ASKING_SIGNS, lowered) and _ASKING_WORDS.search(lowered) is not None
