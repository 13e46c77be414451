"""How a command begins: the settings as they are now, and a log that stays out of the way.

A person at a terminal reads the command's own lines; `--verbose` adds the log of what happens inside.
"""

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tg_fetcher_dagster.settings import Settings

VERBOSE: ContextVar[bool] = ContextVar("verbose", default=False)
"""Whether `--verbose` was given."""


def read_settings(**overrides: Any) -> "Settings":  # noqa: ANN401 - any setting's own type
    """Returns the settings and sets up this process's log.

    Raises:
        FetchError: (validation) a setting is wrong: one line that names it.
    """
    from tg_fetcher_dagster.logs.lines import configure_logging
    from tg_fetcher_dagster.settings import Settings

    settings = Settings.read(**overrides)
    configure_logging(settings.model_copy(update={"log_format": "text"}))
    # On the handlers: a run in this process sets the loggers' level again, and lines would come after all.
    for handler in logging.getLogger("tg_fetcher_dagster").handlers:
        handler.setLevel(logging.DEBUG if VERBOSE.get() else logging.CRITICAL)
    return settings
