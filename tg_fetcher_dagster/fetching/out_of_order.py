"""Messages that a walk meets outside of their own day's place, and what becomes of them.

Ids rise with time in an ordinary chat; where they do not, a message stands among those of another day. One
whose day is in the making goes there at once. All others come here.
"""

from collections.abc import Sequence
from datetime import date

import structlog

from tg_fetcher_dagster.fetching.entities import mentioned
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.coverage import Coverage, read_coverage
from tg_fetcher_dagster.storage.day_file import message_ids
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster.telegram.pages import Page
from tg_fetcher_dagster.telegram.records import Record

log = structlog.get_logger(__name__)

UNDATED = date(1970, 1, 1)
"""The day under which messages are kept that have no date: no request ever asks for it."""


class OutOfOrder:
    """The messages out of order of one walk over the days `first..last` of a chat."""

    def __init__(self, ledger: Ledger, store: Store, chat: str, *, first: date, last: date) -> None:
        self._ledger = ledger
        self._store = store
        self._chat = chat
        self._first, self._last = first, last
        self._stragglers = Stragglers.of(store, chat)
        self._coverage: dict[date, Coverage | None] = {}
        self._older: list[tuple[date, Sequence[Record], Page]] = []

    def met(self, day: date, messages: Sequence[Record], page: Page, *, has_begun: bool) -> None:
        """Takes messages of a day that is not in the making.

        Args:
            day: theirs.
            messages: a run of them.
            page: where they stand.
            has_begun: the walk has come to its range; what is newer before that is its neighbours.
        """
        if self._first <= day <= self._last:
            self.keep(day, messages, page)
        elif day < self._first:
            self.older(day, messages, page)
        elif has_begun:
            self.consider(day, messages, page)

    def keep(self, day: date, messages: Sequence[Record], page: Page) -> None:
        """Keeps messages for a day that is not in the making, with those whom they mention."""
        log.info(
            "messages out of order",
            chat=self._chat,
            date=day.isoformat(),
            ids=[message.id for message in messages[:10]],
            message_count=len(messages),
        )
        users, chats = mentioned(messages, page.users, page.chats)
        lines = [b'{"kind":"user","value":%s}' % user.line for user in users]
        lines += [b'{"kind":"chat","value":%s}' % chat.line for chat in chats]
        lines += [b'{"kind":"message","value":%s}' % message.line for message in messages]
        self._stragglers.keep(day, lines)

    def older(self, day: date, messages: Sequence[Record], page: Page) -> None:
        """Takes messages older than the range; whether they are out of order shows what comes after them."""
        self._older.append((day, messages, page))

    def are_followed(self) -> None:
        """Says that a message of the range came after the older ones: so they stood out of order."""
        for day, messages, page in self._older:
            self.consider(day, messages, page)
        self._older.clear()

    def consider(self, day: date, messages: Sequence[Record], page: Page) -> None:
        """Keeps those messages that their day does not have.

        A day that was scanned over a message's id has met it; one that was never read will not meet it.
        """
        missing = [message for message in messages if not self._was_met(day, message.id)]
        if missing and self._covered(day) is not None:
            there = message_ids(self._store.day(self._chat, day).day_file)
            missing = [message for message in missing if message.id not in there]
        if missing:
            self.keep(day, missing, page)

    def settle(self) -> None:
        """Looks at the older messages at the end of a walk: most are simply those of the days before."""
        newest_after = date.min
        for day, messages, page in reversed(self._older):
            if self._covered(day) is not None or day < newest_after:
                self.consider(day, messages, page)
            newest_after = max(newest_after, day)
        self._older.clear()

    def _was_met(self, day: date, number: int) -> bool:
        coverage = self._covered(day)
        if coverage is None or coverage.scanned_newest_id is None or coverage.scanned_oldest_id is None:
            return False
        return coverage.scanned_oldest_id <= number <= coverage.scanned_newest_id

    def _covered(self, day: date) -> Coverage | None:
        if day not in self._coverage:
            self._coverage[day] = read_coverage(self._ledger, self._store.day(self._chat, day))
        return self._coverage[day]
