"""How a command begins: the settings as they are now, and a log that stays out of the way.

A person at a terminal reads the command's own lines; `--verbose` adds the log of what happens inside: as text
at a terminal, else as LOG_FORMAT says.
"""

import logging
import sys
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
    from tg_fetcher_dagster.logs.lines import OWN, configure_logging, written_by
    from tg_fetcher_dagster.settings import Settings

    settings = Settings.read(**overrides)
    read_by_a_person = sys.stderr.isatty()
    configure_logging(settings.model_copy(update={"log_format": "text"}) if read_by_a_person else settings)
    # On the handler: a run in this process sets the loggers' level again, and lines would come after all.
    lines = written_by(logging.getLogger(OWN))
    if lines is not None:
        lines.setLevel(logging.DEBUG if VERBOSE.get() else logging.CRITICAL)
    return settings
