"""What a run works with: the settings as they are now, and Telegram through Telethon.

Read again for every run, so that a changed `.env` takes effect without a restart.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial

import dagster as dg
import structlog
from pydantic import PrivateAttr

from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.defs.heartbeat import Heartbeat
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.logs.lines import configure_logging, log_context
from tg_fetcher_dagster.requests.registration import begin_process, end_run, heartbeat
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.run_mark import alive
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader

log = structlog.get_logger(__name__)

_OPENING = threading.Lock()


class TelethonResource(dg.ConfigurableResource[None]):
    """Telegram for one run: the settings of `.env` as they are when it starts, and the account's session.

    Opened at the first request, so that a run with nothing to ask never connects.
    """

    _settings: Settings | None = PrivateAttr(default=None)
    _ledger: Ledger | None = PrivateAttr(default=None)
    _heartbeat: Heartbeat | None = PrivateAttr(default=None)
    _fetching: FetchContext | None = PrivateAttr(default=None)
    _counts: RequestCounts = PrivateAttr(default_factory=RequestCounts)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["TelethonResource"]:  # type: ignore[override]
        """Reads the settings, and lets the run be seen as alive while its process works.

        What is wrong here the step says: a failure of a resource would end the run without its hooks.
        """
        try:
            self._settings = Settings.read()
        except FetchError:
            yield self
            return
        configure_logging(self._settings)
        run_id = context.run.run_id if context.run else "0"
        with alive(self._settings.data_dir, run_id), log_context(run_id=run_id), ExitStack() as stack:
            stack.callback(self._close)
            self._noted(partial(begin_process, run_id=run_id))
            self._heartbeat = Heartbeat(partial(self._beat, run_id))
            with self._heartbeat:
                yield self
            with self._counts.handed_over() as found:
                self._noted(partial(end_run, run_id=run_id, end="ended", measures=found))

    def _beat(self, run_id: str) -> bool:
        with self._counts.handed_over() as found:
            return heartbeat(self.ledger, run_id, measures=found)

    def _noted(self, note: Callable[[Ledger], object]) -> None:
        """Notes what becomes of the run; a ledger that is away for a moment ends no run."""
        try:
            note(self.ledger)
        except FetchError as error:
            log.warning("the ledger does not know how far the run is", error=error.message)

    def _close(self) -> None:
        if self._fetching is not None:
            self._fetching.close()
        if self._ledger is not None:
            self._ledger.close()

    @property
    def ledger(self) -> Ledger:
        """The ledger, open for as long as the run's process works.

        Raises:
            FetchError: (validation, storage) it cannot be opened.
        """
        with _OPENING:  # the heartbeat's thread asks for it, too
            if self._ledger is None:
                self._ledger = Ledger.open(self.settings.ledger_location)
            return self._ledger

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The run's heartbeat; None where the settings are wrong."""
        return self._heartbeat

    @property
    def settings(self) -> Settings:
        """The settings of this run.

        Raises:
            FetchError: (validation) a setting is wrong.
        """
        if self._settings is None:
            return Settings.read()
        return self._settings

    def open(self) -> AbstractAsyncContextManager[TelegramReader]:
        """Returns a reader over the configured account, to be used as an async context manager."""
        return open_reader(self.settings, counts=self._counts)

    def fetching(self) -> FetchContext:
        """Returns all that fetching needs: settings, files, identities, outbox and this Telegram."""
        if self._fetching is None:
            self._fetching = FetchContext(settings=self.settings, open_reader=self.open, opened=self.ledger)
        return self._fetching


@dg.definitions
def resources() -> dg.Definitions:
    """Returns the resources by the names that assets and jobs ask for."""
    return dg.Definitions(resources={"telegram": TelethonResource()})
