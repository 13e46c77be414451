"""The lines of this process' own log, as a test reads them."""

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import structlog

from tg_fetcher_dagster.logs.lines import OWN, Lines, Shipped, configure_logging
from tg_fetcher_dagster.logs.masking import forget_secrets
from tg_fetcher_dagster.logs.shipping import end_shipping
from tg_fetcher_dagster.settings import Settings

LOGGERS = (logging.getLogger(OWN), logging.getLogger())


def our_handlers(logger: logging.Logger) -> list[Lines]:
    """The handlers that `configure_logging` made; pytest puts its own beside them."""
    return [handler for handler in logger.handlers if isinstance(handler, Lines)]


def forget_logging() -> None:
    """Takes back what `configure_logging` has set up: it is one for a process."""
    end_shipping()
    for logger in LOGGERS:
        for handler in [each for each in logger.handlers if isinstance(each, Lines | Shipped)]:
            logger.removeHandler(handler)
    forget_secrets()
    structlog.reset_defaults()


def lines_into(written: io.StringIO) -> None:
    """Lets the lines of a logging that is set up go into a text."""
    for logger in LOGGERS:
        [handler] = our_handlers(logger)
        handler.setStream(written)


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of this process from now on, of LOG_FORMAT=json; whoever sets logging up again keeps that."""
    forget_logging()
    configure_logging(Settings.model_construct())
    written = io.StringIO()
    lines_into(written)
    yield lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]
    forget_logging()
