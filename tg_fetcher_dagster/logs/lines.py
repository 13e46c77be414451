"""One logging set-up for every process: JSON lines or text, secrets masked in one place.

The lines carry what is bound around the work that they tell of (`correlation_id`, `run_id`, `chat`,
`date`) and what the call adds (`message_count`, `duration_seconds`, `error_type`). structlog does the
work, through the standard library's loggers; of other libraries only Telethon's errors are let through.
"""

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tg_fetcher_dagster.logs.legible import legible_lines
from tg_fetcher_dagster.settings import Settings

MASK = "***"

SECRET_NAMES = re.compile(
    r"((^|_)(password|passwd|secret|token|api_hash|api_id|auth_key|access_hash|phone|session_key|session_string)"
    r"|^(code|login_code|phone_code|session))$",
    re.IGNORECASE,
)
"""Keys whose values are never shown, whatever they hold. Not `error_code`, `session_dir` and the like."""

SECRET_SHAPES = (
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),  # user:password@ in an address
    re.compile(
        r"(?<![A-Za-z0-9_\-])1[A-Za-z0-9_\-]{340,}={0,2}"
    ),  # a StringSession: 1 and 263 bytes in base64
    re.compile(r"(?<![\w.])\+\d{10,15}\b"),  # a phone number
)
"""Texts that are secrets wherever they stand. Not 32 hexadecimal digits: correlation ids look so, too."""

SHORTEST = 4
"""Characters; masking a shorter secret would make every line unreadable and hide nothing."""

_known: tuple[str, ...] = ()


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Returns the settings' own secrets as they may stand in a text, the longest first."""
    hidden = (
        settings.telegram_api_hash,
        settings.telegram_password,
        settings.redis_password,
        settings.session_key,
    )
    values = {value.get_secret_value() for value in hidden if value is not None}
    if settings.session_key is not None:
        values |= {part.strip() for part in settings.session_key.get_secret_value().split(",")}
    if settings.telegram_phone is not None:
        values |= {settings.telegram_phone, settings.telegram_phone.removeprefix("+")}
    for url in (settings.redis_url, settings.pushgateway_url, settings.loki_url):
        values |= _passwords_in(url)
    return tuple(sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True))


def _passwords_in(url: str | None) -> set[str]:
    """The password of an address, as it is written there and as it is meant."""
    if url is None or "@" not in url:
        return set()
    _, colon, password = url.rpartition("@")[0].rpartition("//")[2].partition(":")
    return {password, unquote(password)} if colon else set()


def masked(text: str) -> str:
    """Returns the text with everything that is or looks like a secret replaced by `***`."""
    for secret in _known:
        text = text.replace(secret, MASK)
    for shape in SECRET_SHAPES:
        text = shape.sub(MASK, text)
    return text


def _masked_value(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {
            key: MASK if SECRET_NAMES.search(str(key)) else _masked_value(item) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(item) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    # An exception, a path, a date: it would become text after this step, unmasked.
    return masked(str(value))


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: masks secrets by name, by value and by shape, in traces too."""
    return {key: MASK if SECRET_NAMES.search(key) else _masked_value(value) for key, value in event.items()}


def _shared_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _legible(_logger: WrappedLogger, _method: str, line: Any) -> str:  # noqa: ANN401 - a processor's
    return legible_lines(str(line))


def formatter(log_format: str) -> logging.Formatter:
    """Returns the formatter of a line: `json` (one object a line) or `text` (for people)."""
    renderer: list[Processor]
    if log_format == "json":
        renderer = [
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        renderer = [
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.dev.ConsoleRenderer(colors=False),
        ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared_processors(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer, _legible],
    )


def configure_logging(settings: Settings) -> None:
    """Sets up logging for this process; called again it only applies what has changed.

    Lines go to standard error, so that a program's own output stays clean. The settings' secrets are masked
    from here on.
    """
    global _known  # noqa: PLW0603 - logging is one for a process, and so is what it must not say
    _known = secrets_of(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger("tg_fetcher_dagster")
    root.setLevel(settings.log_level)
    # Another handler, such as the one that a Celery worker puts on the root, would write it again, unmasked.
    root.propagate = False
    ours = [handler for handler in root.handlers if isinstance(handler, _Lines)]
    handler = ours[0] if ours else _Lines(sys.stderr)
    handler.setFormatter(formatter(settings.log_format))
    if not ours:
        root.addHandler(handler)
    logging.getLogger("telethon").setLevel(logging.ERROR)


class _Lines(logging.StreamHandler[Any]):
    """Our own handler, recognised by its class when logging is configured again."""


@contextmanager
def log_context(**context: object) -> Iterator[None]:
    """Binds what every line inside carries (`correlation_id`, `run_id`, `chat`, `date`)."""
    with structlog.contextvars.bound_contextvars(**context):
        yield
