"""One logging set-up for every process: JSON lines or text, secrets masked in one place (docs/logs.md).

The lines carry who writes (`service`, `host`, ...), what is bound around the work that they tell of
(`correlation_id`, `run_id`, `chat`, `date`) and what the call adds (`message_count`, `duration_seconds`,
`error_type`). structlog does the work, through the standard library's loggers. Of other libraries what is a
warning or worse is let through; Dagster's own lines come by another way (logs/foreign_lines.py).
"""

import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.logs.masking import masked_fields, remember_secrets
from tg_fetcher_dagster.logs.moments import timestamp_of
from tg_fetcher_dagster.logs.origin import origin_of
from tg_fetcher_dagster.logs.relayed import KEY, token_of_this_process
from tg_fetcher_dagster.logs.rendering import LogFormat, rendered
from tg_fetcher_dagster.logs.shipping import loki_push
from tg_fetcher_dagster.settings import Settings

if TYPE_CHECKING:
    from tg_fetcher_dagster.logs.loki import LokiPush

OWN: Final = "tg_fetcher_dagster"
"""The logger of this project; its modules' loggers are below it."""

_LINE: Final = "_line_of_ours"
"""Where a record keeps its line from one of our handlers to the next."""

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.StackInfoRenderer(),
)


def _stamped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The moment of the call, also of another library's line."""
    record: logging.LogRecord = event["_record"]
    event["timestamp"] = timestamp_of(record.created)
    for left in ("message", "asctime"):  # by another handler's formatter, which would be taken for fields
        event.pop(left, None)
    return event


def _named_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A line with a stack trace says what sort of error it is, too."""
    told = event.get("exc_info")
    error = (
        told[1] if isinstance(told, tuple) else told if isinstance(told, BaseException) else sys.exception()
    )
    if told and error is not None:
        sort = error.error_type if isinstance(error, FetchError) else ErrorType.INTERNAL
        event.setdefault("error_type", sort.value)
    return event


class _Rendered:
    """The last processor: masks and renders."""

    def __init__(self, origin: Mapping[str, str], log_format: LogFormat, token: str | None) -> None:
        self._last = dict(origin) if token is None else {**origin, KEY: token}
        self._format = log_format

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        said = masked_fields({key: value for key, value in event.items() if value is not None and key != KEY})
        return rendered({**said, **self._last}, self._format)


def formatter(
    settings: Settings, log_format: LogFormat | None = None, *, token: str | None = None
) -> logging.Formatter:
    """Returns the formatter of a line.

    Args:
        settings: who writes, and in which format unless another one is named.
        log_format: that other one.
        token: what a relay knows the line by.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            _stamped,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _named_error,
            structlog.processors.format_exc_info,
            _Rendered(origin_of(settings), log_format or settings.log_format, token),
        ],
    )


_guard = threading.Lock()
_applied: tuple[Settings, int] | None = None


def configure_logging(settings: Settings) -> None:
    """Sets up logging for this process; called again it only applies what has changed.

    Lines go to standard error, so that a program's own output stays clean. The settings' secrets are masked
    from here on. Safe for threads: the ticks of several sensors call it at once.
    """
    global _applied  # noqa: PLW0603 - logging is one for a process
    own, root = logging.getLogger(OWN), logging.getLogger()
    wanted = settings, os.getpid()
    with _guard:
        handler = written_by(own)
        if handler is not None and _applied == wanted:
            return
        remember_secrets(settings)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                *_SHARED,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=False,
        )
        own.setLevel(settings.log_level)
        # Another handler, such as a Celery worker's on the root, would write it again, unmasked.
        own.propagate = False
        handler = handler or Lines(sys.stderr)
        handler.setFormatter(formatter(settings, token=token_of_this_process()))
        for logger in (own, root):
            if handler not in logger.handlers:
                logger.addHandler(handler)
        _ship(settings, (own, root))
        logging.getLogger("telethon").setLevel(logging.ERROR)
        _applied = wanted


def _ship(settings: Settings, loggers: Sequence[logging.Logger]) -> None:
    """Lets lines go to Loki as well where LOKI_URL says so, in JSON whatever LOG_FORMAT says."""
    push = loki_push(settings)
    for logger in loggers:
        for handler in [each for each in logger.handlers if isinstance(each, Shipped)]:
            logger.removeHandler(handler)
    if push is None:
        return
    shipped = Shipped(push, as_written=settings.log_format == "json")
    shipped.setFormatter(formatter(settings, "json"))
    for logger in loggers:
        logger.addHandler(shipped)


class Lines(logging.StreamHandler[Any]):
    """Our own handler, recognised by its class when logging is configured again."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Takes the stream that the lines go to."""
        super().__init__(stream)
        self.addFilter(_is_not_dagsters)

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line, and leaves it with the record for whoever wants the same."""
        line = super().format(record)
        setattr(record, _LINE, line)
        return line


class Shipped(logging.Handler):
    """Gives each line to the push to Loki, which never waits."""

    def __init__(self, push: "LokiPush", *, as_written: bool) -> None:
        """Takes where lines go.

        Args:
            push: takes them.
            as_written: what stands on standard error is JSON, too, and need not be made twice.
        """
        super().__init__()
        self._push = push
        self._as_written = as_written
        self.addFilter(_is_not_dagsters)

    def emit(self, record: logging.LogRecord) -> None:
        """Formats a line and puts it into the queue."""
        if self._push.is_own_thread and not record.name.startswith(OWN):
            return  # what the libraries that push say would go in circles
        written = record.__dict__.pop(_LINE, None)  # it would be taken for a field of the line
        try:
            line = written if self._as_written and written else self.format(record)
            self._push.put(record.created, record.levelname.lower(), line)
        except Exception:  # noqa: BLE001 - as StreamHandler does: a line that makes no sense ends no work
            self.handleError(record)


def _is_not_dagsters(record: logging.LogRecord) -> bool:
    """Dagster's loggers have handlers of their own, and would be heard twice."""
    return not record.name.startswith("dagster")


def written_by(logger: logging.Logger) -> Lines | None:
    """Returns our handler of a logger; None where logging was not set up."""
    return next((each for each in logger.handlers if isinstance(each, Lines)), None)


@contextmanager
def log_context(**context: object) -> Iterator[None]:
    """Binds what every line inside carries (`correlation_id`, `run_id`, `chat`, `date`)."""
    with structlog.contextvars.bound_contextvars(**context):
        yield
