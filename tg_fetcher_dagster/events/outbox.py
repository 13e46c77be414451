"""The outbox of a data folder, for those who have no ledger at hand yet: it opens the folder's own.

New code takes the ledger's transaction: `events.recording` records, `events.draining` publishes.
"""

from datetime import date, datetime
from functools import cache
from pathlib import Path

from tg_fetcher_dagster.events import draining, recording
from tg_fetcher_dagster.events.models import Event
from tg_fetcher_dagster.events.publisher import EventPublisher
from tg_fetcher_dagster.events.recording import OutcomeRecord
from tg_fetcher_dagster.ledger import outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings


class Outbox:
    """The events of DATA_DIR. Its methods raise FetchError (storage) where the ledger refuses."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    @property
    def ledger(self) -> Ledger:
        """The folder's ledger, or the one that LEDGER_URL names."""
        return _ledger_at(Settings.read(data_dir=self._data_dir).ledger_location)

    def put(self, event: Event, *, request_id: str, durable: bool) -> bool:
        """Records how a day ended; False where the request has told that already."""
        del durable  # all of it is
        with self.ledger.write() as connection:
            return recording.record(connection, event, request_id=request_id)

    def pending(self) -> list[outbox.Pending]:
        """What nobody was told yet, in order; the first 100,000."""
        with self.ledger.read() as connection:
            return outbox.pending(connection, 100_000)

    def outcome(self, request_id: str, chat: str | None, day: date | None) -> str | None:
        """Returns the event that tells how a chat and day of a request ended."""
        with self.ledger.read() as connection:
            return outbox.event_of(connection, request_id, chat, day)

    def outcomes(self, request_id: str) -> dict[tuple[str | None, date | None], OutcomeRecord]:
        """Returns what each chat and day of the request ended in, as far as they did."""
        with self.ledger.read() as connection:
            return recording.outcomes_of(connection, request_id)

    def drain(self, publisher: EventPublisher | None) -> int:
        """Publishes what is pending; see `draining.drain`."""
        return draining.drain(self.ledger, publisher).published

    def prune(self, older_than: datetime) -> int:
        """Forgets what was published before that moment."""
        return draining.prune(self.ledger, before=older_than.timestamp())


@cache
def _ledger_at(url: str) -> Ledger:
    return Ledger.open(url)
