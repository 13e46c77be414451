"""What is pushed at once, the same for the same seed: all dialects, duplicates, what makes no sense, junk."""

import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

CHATS = tuple(f"load_chat_{number:02d}" for number in range(20))
DAYS = 500
SENSELESS_SHARE = 0.05
REPEATED_SHARE = 0.2
HUGE_EACH, JUNK_EACH, WHOLE_EACH = 1_000, 500, 1_000
"""One of so many entries is of 1 MB, is junk, asks for all of a chat."""

SENSELESS = (
    {"chat": "a b", "date": "2025-11-04"},
    {"chat": CHATS[0], "date": "2025-13-01"},
    {"chat": CHATS[1], "from": "2025-11-09", "to": "2025-11-03"},
    {"chat": CHATS[2], "mode": "sometimes"},
    {"chat": CHATS[3], "days_back": 0},
    {"chat": CHATS[4], "date": "1999-01-01"},
)
JUNK = (b"{not json", b"\xff\xfe\x00", b"null", b"[" * 2_000, b'"fetch"', b"", b'{"command":"fetch"')


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Entries in their order, and what is known of them.

    Attributes:
        entries: exactly as they are pushed.
        senseless: how many of them are to be refused.
    """

    entries: Sequence[bytes]
    senseless: int


def pushed_at_once(count: int, *, seed: int, today: dt.date, days: int = DAYS) -> Pushed:
    """Returns so many entries over so many days that end the day before `today`."""
    chance = random.Random(seed)
    entries: list[bytes] = []
    sensible: list[bool] = []
    for number in range(count):
        if number % JUNK_EACH == JUNK_EACH // 2:
            entry, makes_sense = chance.choice(JUNK), False
        elif number % HUGE_EACH == HUGE_EACH // 3:
            entry, makes_sense = b'{"command":"fetch","chat":"' + b"x" * 1_000_000 + b'"}', False
        elif chance.random() < REPEATED_SHARE and entries:
            entry, makes_sense = entries[-1], sensible[-1]
        elif chance.random() < SENSELESS_SHARE:
            entry, makes_sense = _entry(number, chance.choice(SENSELESS)), False
        else:
            entry, makes_sense = _entry(number, _sensible(chance, number, today, days)), True
        entries.append(entry)
        sensible.append(makes_sense)
    return Pushed(entries=entries, senseless=len(sensible) - sum(sensible))


def _entry(number: int, body: dict[str, object]) -> bytes:
    return json.dumps({"command": "fetch", "command_id": f"load-{number}", **body}).encode()


def _sensible(chance: random.Random, number: int, today: dt.date, within: int) -> dict[str, object]:
    chat = chance.choice(CHATS)
    spelling = chance.choice(["@{}", "{}", "https://t.me/{}", "t.me/{}"]).format(chat)
    if number % WHOLE_EACH == WHOLE_EACH // 4:
        return {"chat": spelling, "mode": chance.choice(["full", "incremental"])}
    first = today - dt.timedelta(days=chance.randrange(22, within))
    last = min(first + dt.timedelta(days=chance.randrange(40)), today - dt.timedelta(days=1))
    days: dict[str, object] = chance.choice(
        [
            {"date": str(first)},
            {"mode": "date", "date": str(first), "strategy": "batch"},
            {"from": str(first), "to": str(last)},
            {"mode": "range", "from_date": str(first), "to_date": str(last), "strategy": "per_day"},
            {"days_back": chance.randrange(1, 15)},
            {"mode": "days", "days": chance.randrange(1, 15)},
            {"mode": "yesterday"},
            {"mode": "today"},
        ]
    )
    return {"chat": spelling, "requested_by": f"producer {number % 7}", **days}
