"""What the lines of `status` say, in three groups: what needs a person, what waits, what works. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from tg_fetcher_dagster.cli.moments import told_moment
from tg_fetcher_dagster.cli.overview import ACCOUNT, ChatOverview, Need, Overview, Waiting

NAMED = 3
"""Of one kind of need, or of one run's chats, that are named; the others are counted."""

WAITS_NAMED = 6
"""Chats whose wait is named."""

WIDE_LABEL = 10
SHORTEST_WHY = 20
"""Characters of a reason that are left on the narrowest terminal."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        label: which kind: `account`.
        what: which one, or all that there is to say.
        why: the reason; the one part that may be shortened.
        do: what to type.
    """

    label: str
    what: str
    why: str = ""
    do: str = ""

    def body(self, width: int | None = None) -> str:
        """Returns all but the label and what to type, so that the line fits into a width where it can."""
        if not self.why:
            return self.what
        begin = f"{self.what}: " if self.what else ""
        if width is None:
            return begin + self.why
        taken = WIDE_LABEL + len(begin) + (len(self.do) + 4 if self.do else 0)
        room = width - taken
        if self.do and room < SHORTEST_WHY:
            return self.what  # what to type says more than half a reason
        room = max(SHORTEST_WHY, room)
        short = self.why if len(self.why) <= room else f"{self.why[: room - 1]}\N{HORIZONTAL ELLIPSIS}"
        return begin + short


def need_lines(seen: Overview, most: int) -> list[Line]:
    """Returns what needs a person: some of each kind, and how many more there are; no kind is left out.

    Args:
        seen: with its needs.
        most: lines, if there are not more kinds than that.
    """
    for named in range(NAMED, 0, -1):
        lines = _need_lines(seen, named)
        if len(lines) <= most:
            return lines
    return _need_lines(seen, 0)


def _need_lines(seen: Overview, of_each: int) -> list[Line]:
    lines: list[Line] = []
    for kind, needs in groupby(seen.needs, key=lambda need: need.kind):
        of_kind = list(needs)
        # One that is left over is named as well: its line is no longer than the one that counts it.
        named = of_kind if len(of_kind) <= of_each + 1 else of_kind[:of_each]
        lines += [_need_line(need) for need in named]
        if more := len(of_kind) - len(named):
            what = f"and {more:,} more" if named else f"{more:,} of them"
            lines.append(Line(label=kind, what=what, do=_LISTS.get(kind, ALL_NEEDS)))
    return lines


ALL_NEEDS = "tg-fetcher status --json"
_LISTS = {
    "given up": "tg-fetcher heal --list",
    "refused": "tg-fetcher chats list",
    "name": "tg-fetcher chats list",
    "damaged": "tg-fetcher verify",
}
"""What shows all of a kind, where `status --json` is not the only one that does."""


def _need_line(need: Need) -> Line:
    return Line(label=need.kind, what=need.what, why=need.why, do=need.do or "")


def wait_lines(seen: Overview, most: int) -> list[Line]:
    """Returns what waits for what until when; the chats beyond `most` lines are added up."""
    lines = []
    if seen.redis == "away":
        lines.append(Line(label="queue", what="", why=seen.redis_error or "Redis is away"))
    others = [each for each in seen.waiting if each.chat is None]
    lines += [
        _wait_line(each, seen.at) for each in others if not (each.what == "redis" and seen.redis == "away")
    ]
    chats = sorted((each for each in seen.waiting if each.chat is not None), key=_ends_at)
    room = max(1, min(WAITS_NAMED, most - len(lines)))
    named = chats if len(chats) <= room else chats[: room - 1]
    lines += [_wait_line(each, seen.at) for each in named]
    if rest := chats[len(named) :]:
        of = len({each.chat for each in rest})
        days = sum(each.days for each in rest)
        lines.append(
            Line(
                label="chats",
                what=f"{'and ' if named else ''}{days:,} days of {of} {'more ' if named else ''}chats"
                f" until {_until(rest[0], seen.at)} or later",
            )
        )
    return lines


def _ends_at(each: Waiting) -> float:
    return each.until.timestamp() if each.until else 0.0


def _until(each: Waiting, now: datetime) -> str:
    return told_moment(each.until.timestamp() if each.until else None, now=now)


def _wait_line(each: Waiting, now: datetime) -> Line:
    until = f" until {_until(each, now)}" if each.until else ""
    label, what = "trouble", each.what
    if each.chat is not None:
        label = "chat"
    elif what.startswith(ACCOUNT):
        label, what = "account", what.removeprefix(ACCOUNT)
    return Line(label=label, what=f"{what}{until}", why=each.why)


def work_lines(seen: Overview) -> list[Line]:
    """Returns what there is and what is under way."""
    return [Line(label=label, what=what) for label, what in _work(seen) if what]


def _work(seen: Overview) -> Iterator[tuple[str, str]]:
    yield "chats", _chats(seen.chats)
    yield "fetched", _fetched(seen)
    yield "under way", _under_way(seen)
    asked = ", ".join(f"{number:,} of {source}" for source, number in seen.requests.items())
    open_days = sum(chat.days_asked for chat in seen.chats)
    yield "requests", f"{asked} are open, {open_days:,} days" if asked else "none is open"
    if seen.queue is not None:
        yield "queue", ", ".join(f"{number:,} {name}" for name, number in seen.queue.items())
    elif seen.redis == "none":
        yield "queue", seen.redis_error or ""
    if seen.spool:
        yield "spool", f"{seen.spool:,} commands wait in it for the daemon"
    yield "events", f"{seen.events_pending:,} not published yet"
    usable = [each for each in seen.accounts if each.usable]
    yield "accounts", "; ".join(f"{each.name} {each.state}" for each in usable)
    yield "disk", _disk(seen)


def _chats(chats: Sequence[ChatOverview]) -> str:
    if not chats:
        return "none is kept yet: tg-fetcher init, or tg-fetcher chats add CHAT"
    states = Counter(chat.state for chat in chats)
    told = [str(len(chats)), *(f"{states[each]} {each}" for each in _NOT_KEPT if states[each])]
    missing = sum(chat.days_missing for chat in chats)
    given_up = sum(chat.days_given_up for chat in chats)
    days = [
        f"{sum(chat.days_done for chat in chats):,} days done",
        *([f"{missing:,} missing"] if missing else []),
        *([f"{given_up:,} given up"] if given_up else []),
    ]
    return f"{', '.join(told)}; {', '.join(days)}; {sum(chat.message_count for chat in chats):,} messages"


_NOT_KEPT = ("paused", "refused", "forgotten")


def _fetched(seen: Overview) -> str:
    if seen.last_fetch is None:
        return "nothing yet"
    return f"last at {told_moment(seen.last_fetch.timestamp(), now=seen.at)}{_ago(seen.last_fetch, seen.at)}"


def _ago(moment: datetime, now: datetime) -> str:
    passed = now - moment
    for unit, name in _UNITS:
        if passed >= 2 * unit:
            return f", {passed // unit} {name} ago"
    return ", just now" if passed >= timedelta(0) else ""


_UNITS = ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes"))


def _under_way(seen: Overview) -> str:
    """The batches that are read first; those that are only asked for are counted."""
    running = [each for each in seen.in_flight if each.state == "running"]
    asked = len(seen.in_flight) - len(running)
    told = []
    for batch in running[:1]:
        last = f"..{batch.last}" if batch.last != batch.first else ""
        since = told_moment(batch.asked_at.timestamp(), now=seen.at)
        more = f" and {len(batch.chats) - NAMED} more" if len(batch.chats) > NAMED else ""
        told.append(
            f"{', '.join(batch.chats[:NAMED])}{more} {batch.first}{last}: is read, asked for at {since}"
        )
    if len(running) > 1:
        more_read = len(running) - 1
        told.append(f"{more_read} more {'is' if more_read == 1 else 'are'} read")
    if asked:
        told.append(f"{asked} {'waits for its run' if asked == 1 else 'wait for their runs'}")
    return "; ".join(told)


def _disk(seen: Overview) -> str:
    ledger = f"the ledger has {_size(seen.size_bytes)}"
    if seen.disk is None:
        return ledger
    return f"{_size(seen.disk.free_bytes)} of {_size(seen.disk.size_bytes)} free; {ledger}"


def _size(number: int) -> str:
    return f"{number / _GB:,.1f} GB" if number >= _GB else f"{number / _MB:,.1f} MB"


_GB, _MB = 1_000_000_000, 1_000_000


def in_trouble_first(chats: Sequence[ChatOverview]) -> list[ChatOverview]:
    """Returns the chats, those that lack most first."""
    return sorted(
        chats,
        key=lambda chat: (
            chat.refused is None,
            not chat.doubted,
            -chat.days_given_up,
            -chat.days_missing,
            chat.chat,
        ),
    )
