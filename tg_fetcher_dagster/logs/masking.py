"""What a log line must not say: secrets, masked in this one place by name, by value and by shape."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tg_fetcher_dagster.settings import Settings

MASK: Final = "***"

SECRET_NAMES: Final = re.compile(
    r"((^|_)(password|passwd|secret|token|api_hash|api_id|auth_key|access_hash|phone|session_key|session_string)"
    r"|^(code|login_code|phone_code|session|authorization|cookie))$",
    re.IGNORECASE,
)
"""Keys whose values are never shown, whatever they hold. Not `error_code`, `session_dir` and the like."""

SECRET_SHAPES: Final = (
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),  # user:password@ in an address
    re.compile(
        r"(?<![A-Za-z0-9_\-])1[A-Za-z0-9_\-]{340,}={0,2}"
    ),  # a StringSession: 1 and 263 bytes in base64
    re.compile(r"(?<![\w.])\+\d{10,15}\b"),  # a phone number
)
"""Texts that are secrets wherever they stand. Not 32 hexadecimal digits: correlation ids look so, too."""

_MAY_HOLD_ONE: Final = re.compile(r"://|\+\d|[A-Za-z0-9_\-]{341}")
"""A cheap look that spares nearly every text the three shapes."""

SHORTEST: Final = 4
"""Characters; masking a shorter secret would make every line unreadable and hide nothing."""

_known: re.Pattern[str] | None = None


def remember_secrets(settings: Settings) -> None:
    """Masks the settings' own secrets from here on."""
    global _known  # noqa: PLW0603 - logging is one for a process, and so is what it must not say
    known = secrets_of(settings)
    _known = re.compile("|".join(map(re.escape, known))) if known else None


def forget_secrets() -> None:
    """Knows no secret any more, as at the beginning."""
    global _known  # noqa: PLW0603 - see above
    _known = None


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
    for url in (settings.redis_url, settings.ledger_url, settings.pushgateway_url, settings.loki_url):
        values |= _passwords_in(url)
    return tuple(sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True))


def _passwords_in(url: str | None) -> set[str]:
    """The passwords of an address, before its host and in its query, as they are written and as meant."""
    if url is None:
        return set()
    _, colon, password = url.rpartition("@")[0].partition("://")[2].partition(":")
    found = {password, unquote(password)} if colon else set()
    try:
        query = urlsplit(url).query
    except ValueError:  # no address: whoever uses it says so
        return found
    return found | {value for name, value in parse_qsl(query) if SECRET_NAMES.search(name)}


def masked(text: str) -> str:
    """Returns the text with everything that is or looks like a secret replaced by `***`."""
    if _known is not None:
        text = _known.sub(MASK, text)
    if _MAY_HOLD_ONE.search(text):
        for shape in SECRET_SHAPES:
            text = shape.sub(MASK, text)
    return text


def masked_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Returns the fields of a line with all secrets masked, and nothing that is not a JSON value."""
    return {key: MASK if SECRET_NAMES.search(key) else _masked_value(value) for key, value in fields.items()}


def _masked_value(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return masked_fields({str(key): item for key, item in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(item) for item in value]
    # An exception, a path, a date: it would become text after this step, unmasked.
    return masked(str(value))
