"""How days ended, in a line each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tg_fetcher_dagster.ledger.request_progress import DayEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What came of a fetch.

    Attributes:
        ends: how days ended.
        waiting: a line for each group of days that nobody waits for here any more.
    """

    ends: Sequence[DayEnd] = field(default_factory=tuple)
    waiting: Sequence[str] = field(default_factory=tuple)


def line_of(end: DayEnd) -> str:
    """Returns how a day ended in one line."""
    about = f"{end.chat} {end.date}" if end.date else end.chat
    return f"{about}: {_told(end)}"


def summary_of(ends: Sequence[DayEnd]) -> str:
    """Returns how many days ended how, in one line."""
    number = {
        name: sum(1 for each in ends if each.end == name) for name in ("fetched", "failed", "cancelled")
    }
    skipped = len(ends) - sum(number.values())
    parts = [f"{number['fetched']} fetched", f"{skipped} skipped", f"{number['failed']} failed"]
    if number["cancelled"]:
        parts.append(f"{number['cancelled']} cancelled")
    return f"{len(ends)} days: {', '.join(parts)}"


def _told(end: DayEnd) -> str:
    messages = f"{end.message_count or 0} messages"
    match end.end:
        case "fetched":
            return messages + ("" if end.settled else " so far, the day is not final")
        case "unchanged":
            return f"skipped, nothing new ({messages})"
        case "duplicate" if not end.settled:
            return f"skipped, read a moment ago ({messages}), the day is not final"
        case "skipped" | "duplicate":
            return f"skipped, complete already ({messages})"
        case "cancelled":
            return "cancelled"
        case "failed":
            return end.error or "failed without a reason"
