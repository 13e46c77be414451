"""What a run works with: the settings as they are now, and Telegram through Telethon.

Read again for every run, so that a changed `.env` takes effect without a restart.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import dagster as dg
from pydantic import PrivateAttr

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.monitoring.logs import configure_logging, told_with
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.run_mark import alive
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader


class TelethonResource(dg.ConfigurableResource[None]):
    """Telegram for one run: opened at the first request, so that a run with nothing to ask never connects."""

    _settings: Settings | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["TelethonResource"]:  # type: ignore[override]
        """Reads the settings and marks the run as alive while its step works."""
        try:
            self._settings = Settings.read()
        except FetchError:
            yield self  # the step says it: a failure here would end the run without its hooks
            return
        configure_logging(self._settings)
        run_id = context.run.run_id if context.run else "0"
        with alive(self._settings.data_dir, run_id), told_with(run_id=run_id):
            yield self

    @property
    def settings(self) -> Settings:
        """The settings of this run.

        Raises:
            dagster.Failure: a setting is wrong; never retried, since nobody mends it in a minute.
        """
        if self._settings is None:
            try:
                return Settings.read()
            except FetchError as error:
                raise dg.Failure(
                    error.message, metadata={"error_type": error.error_type.value}, allow_retries=False
                ) from None
        return self._settings

    def open(self) -> AbstractAsyncContextManager[TelegramReader]:
        """Returns a reader over the configured account, to be used as an async context manager."""
        return open_reader(self.settings)

    def fetching(self) -> FetchContext:
        """Returns all that fetching needs: settings, files, identities, outbox and this Telegram."""
        return FetchContext(settings=self.settings, open_reader=self.open)


@dg.definitions
def resources() -> dg.Definitions:
    """Returns the resources by the names that assets and jobs ask for."""
    return dg.Definitions(resources={"telegram": TelethonResource()})
