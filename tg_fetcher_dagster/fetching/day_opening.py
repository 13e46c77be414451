"""A day of a walk begins: its files, and what other walks have met of it before."""

from datetime import date

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.day_builder import DayBuilder
from tg_fetcher_dagster.fetching.day_events import DayEvents
from tg_fetcher_dagster.fetching.open_days import OpenDay
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.storage.stragglers import Stragglers
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster.telegram.records import LAYER, kept_record


class DayOpening:
    """Begins the days of one walk."""

    def __init__(
        self, request: FetchRequest, context: FetchContext, telegram: TelegramReader, events: DayEvents
    ) -> None:
        self._chat = request.chat
        self._context = context
        self._telegram = telegram
        self._events = events
        self._stragglers = Stragglers.of(context.store, request.chat)

    def opened(self, day: date, identity: ChatIdentity) -> OpenDay:
        """Begins a day's files and tells of it; the messages that waited for it stand by.

        Args:
            day: which day.
            identity: the chat as the walk has seen it last.

        Raises:
            FetchError: (storage) the disk or the ledger refused.
        """
        kept = self._stragglers.known(day)
        waiting = {line["value"]["id"]: line["value"] for line in kept if line["kind"] == "message"}
        fetched_at = self._telegram.now()
        builder = DayBuilder(
            paths=self._context.store.day(self._chat, day),
            identity=identity,
            day=day,
            options=self._context.options,
            ledger=self._context.ledger,
            account_user_id=self._telegram.user_id,
        )
        opened = OpenDay(
            day=day,
            builder=builder,
            fetched_at=fetched_at,
            stored=[kept_record(waiting[number]) for number in sorted(waiting)],
        )
        try:
            builder.begin(identity=identity, day=day, layer=LAYER, fetched_at=fetched_at)
            builder.add_entities(
                [kept_record(line["value"]) for line in kept if line["kind"] == "user"],
                [kept_record(line["value"]) for line in kept if line["kind"] == "chat"],
            )
            self._events.started(day)
            self._events.stage(day, "fetching")
        except BaseException:
            builder.discard()
            raise
        return opened
