"""The tags by which a person tells one run from another in the list of runs. Pure.

Each is one short line: Postgres refuses an index row over 2,712 bytes, and the list shows some 30 letters.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

LONGEST: Final = 63
"""Letters of a tag's value; Dagster allows as many in those of definitions."""

FAILED: Final = "error_type"
"""The tag of a run that has failed: the sort of its first error."""


def tags_of(
    chats: Sequence[str], first: date, last: date, *, today: bool = False, asked_by: Sequence[str] = ()
) -> dict[str, str]:
    """Returns which chat and days a run reads, and who asked.

    Args:
        chats: one, or several, which are counted.
        first: the oldest day.
        last: the newest day.
        today: the day is not over yet.
        asked_by: names, the first asker first; they are anybody's text.
    """
    days = first.isoformat() if first == last else f"{first}..{last}"
    tags = {
        "chat": chats[0] if len(chats) == 1 else f"{len(chats)} chats",
        "days": f"{days} (unfinished)" if today else days,
    }
    return {**tags, "asked_by": _first_of(asked_by)} if asked_by else tags


def chat_tags(spellings: Sequence[str]) -> dict[str, str]:
    """Returns which chats a run finds out about."""
    return {"chat": _first_of(spellings)}


def _first_of(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return _one_line(names[0], LONGEST - len(more)) + more


def _one_line(text: str, longest: int) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
