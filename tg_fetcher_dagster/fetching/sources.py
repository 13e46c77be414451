"""Where a stretch of days is read from: the chat's history and, before that, the basic group that it was.

At the end of the walk it knows what no page tells: whether what lies before the first message is hidden from
the account, or belongs to a group that cannot be read.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date, datetime

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.ids import group_marked_id, id_key
from tg_fetcher_dagster.days import ONE_DAY, day_of, day_start
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.hidden_history import hidden_below, refusal
from tg_fetcher_dagster.fetching.missing_parts import future_lost, hidden, past_lost
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.storage.coverage import Loss, read_coverage
from tg_fetcher_dagster.telegram.beginning import FIRST_ID
from tg_fetcher_dagster.telegram.pages import Page
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)

_UNREADABLE = frozenset({ErrorType.NO_ACCESS, ErrorType.NOT_FOUND})


class Sources:
    """The pages of one walk, whatever chat they come from."""

    def __init__(
        self,
        request: FetchRequest,
        context: FetchContext,
        telegram: TelegramReader,
        identity: ChatIdentity,
    ) -> None:
        self._request = request
        self._context = context
        self._telegram = telegram
        self._identity = identity
        self._zone = context.settings.zone
        self._oldest: tuple[int, datetime] | None = None
        self._newest: datetime | None = None
        self._past_lost: Loss | None = None
        self._hidden: int | None = None

    async def pages(self, first: date, last: date) -> AsyncGenerator[Page, None]:
        """Yields the pages of the days `first..last`, newest first.

        Raises:
            ChatMigratedError: the basic group is a supergroup now.
            FetchError: the walk cannot go on.
        """
        start, end = day_start(first, self._zone), day_start(last + ONE_DAY, self._zone)
        known_id = None
        if self._identity.migrated_from_chat_id is None:  # else the day before may hold the group's own ids
            known_id = newest_id_of(self._context, self._request.chat, first - ONE_DAY)
        is_beginning = False
        walk = self._telegram.history(
            self._identity, start, end, known_id=known_id, look_ahead=self._request.limit is None
        )
        async with aclosing(walk) as pages:
            async for page in pages:
                if self._newest is None and page.messages:
                    self._newest = page.messages[0].date
                if page.messages and page.messages[-1].date is not None:
                    self._oldest = page.messages[-1].id, page.messages[-1].date
                is_beginning = page.is_beginning
                yield page
        if not is_beginning or (self._oldest is not None and self._oldest[1] < start):
            return
        self._hidden = await self._hidden_below()
        if self._hidden is None and self._identity.migrated_from_chat_id is not None:
            async for page in self._past(self._identity.migrated_from_chat_id, start, end):
                yield page

    def refusal(self, day: date) -> FetchError | None:
        """Returns why a day cannot be read at all; ask when the walk is over."""
        shown = self._first_shown()
        if self._hidden is None or (shown is not None and day >= shown):
            return None
        return refusal(self._request.chat, shown)

    def losses(self, day: date) -> list[Loss]:
        """Returns what a day is known to miss from before the first message; ask when the walk is over."""
        shown = self._first_shown()
        if self._identity.migrated_to_id is not None:
            return self.moved_on(day)
        if self._hidden is not None:
            return [hidden(self._hidden)] if day == shown else []
        if self._past_lost is not None and (shown is None or day <= shown):
            return [self._past_lost]
        return []

    def moved_on(self, day: date) -> list[Loss]:
        """Returns what a group that is kept beside its supergroup lacks: from its last message's day on."""
        moved_to = self._identity.migrated_to_id
        if moved_to is None or (self._newest is not None and day < day_of(self._newest, self._zone)):
            return []
        home = self._context.identities.by_marked_id(moved_to)
        key = home.key if home is not None else id_key(moved_to)
        return [future_lost(f"they belong to {key}: fetch that chat")]

    def _first_shown(self) -> date | None:
        return day_of(self._oldest[1], self._zone) if self._oldest is not None else None

    async def _hidden_below(self) -> int | None:
        """Returns the newest message that is hidden from the account; None where none is.

        Only a supergroup hides its history, and one whose message number 1 was met hides nothing.
        """
        if self._identity.type != "supergroup" or (self._oldest is not None and self._oldest[0] <= FIRST_ID):
            return None
        return await hidden_below(
            self._identity, self._context, self._telegram, shown_from=self._first_shown()
        )

    async def _past(self, chat_id: int, start: datetime, end: datetime) -> AsyncGenerator[Page, None]:
        own = self._context.identities.by_marked_id(group_marked_id(chat_id))
        if own is not None and own.key != self._request.chat:
            self._past_lost = past_lost(f"they belong to {own.key}: fetch that chat")
            return
        try:
            async with aclosing(self._telegram.past_history(self._identity, start, end)) as pages:
                async for page in pages:
                    yield page
        except FetchError as error:
            if error.error_type not in _UNREADABLE:
                raise
            log.warning("the group before the migration cannot be read", chat=self._request.chat)
            self._past_lost = past_lost(error.message)


def newest_id_of(context: FetchContext, chat: str, day: date) -> int | None:
    """Returns the newest message of a day that is proved and whole; None where it is not, or empty."""
    coverage = read_coverage(context.ledger, context.store.day(chat, day))
    if coverage is None or not coverage.final or coverage.lost or not coverage.edge_messages:
        return None
    return coverage.newest_message_id
