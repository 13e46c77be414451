"""Log lines: what they carry, in both formats, and what they never say."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.logs import lines as logs
from tg_fetcher_dagster.logs.lines import configure_logging, log_context, masked
from tg_fetcher_dagster.settings import Settings

API_HASH = "0123456789abcdef0123456789abcdef"
CORRELATION_ID = "9f86d081884c7d659a2feaa0c55ad015"
SESSION = "1" + "ApWapzMBu" * 39

SECRETS: dict[str, str] = {
    "telegram_api_hash": API_HASH,
    "telegram_password": "correct horse battery",
    "telegram_phone": "+15550001001",
    "redis_password": "s3cret-redis",
    "redis_url": "redis://worker:pa%20ss-in-url@cache:6379/2",
    "session_key": "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE=",
    "pushgateway_url": "http://push:gate-pass@push:9091",
}
HIDDEN = (
    API_HASH,
    "correct horse battery",
    "15550001001",
    "s3cret-redis",
    "pa%20ss-in-url",
    "pa ss-in-url",
    SECRETS["session_key"],
    "gate-pass",
)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is one for a process: what a test sets up ends with it."""
    yield
    logging.getLogger("tg_fetcher_dagster").handlers.clear()
    logs._known = ()
    structlog.reset_defaults()


def our_handlers() -> list[logging.StreamHandler]:
    """The handlers that `configure_logging` made; pytest puts its own beside them."""
    handlers = logging.getLogger("tg_fetcher_dagster").handlers
    return [handler for handler in handlers if isinstance(handler, logs._Lines)]


def lines(**settings: Any) -> io.StringIO:
    """Sets logging up and returns where the lines go."""
    configure_logging(Settings.read(**settings))
    written = io.StringIO()
    [handler] = our_handlers()
    handler.setStream(written)
    return written


def test_a_json_line_carries_who_asked_and_what_it_is_about() -> None:
    written = lines()
    with (
        log_context(run_id="7c6a1c9e-1111-4222-8333-444455556666"),
        log_context(chat="ru_python", correlation_id=CORRELATION_ID),
    ):
        structlog.get_logger("tg_fetcher_dagster.fetching").info(
            "day kept", date="2025-11-07", message_count=450, duration_seconds=1.5
        )
    line = orjson.loads(written.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "day kept",
        "level": "info",
        "logger": "tg_fetcher_dagster.fetching",
        "run_id": "7c6a1c9e-1111-4222-8333-444455556666",
        "chat": "ru_python",
        "correlation_id": CORRELATION_ID,
        "date": "2025-11-07",
        "message_count": 450,
        "duration_seconds": 1.5,
    }


def test_a_text_line_carries_the_same() -> None:
    written = lines(log_format="text")
    with log_context(run_id="7c6a1c9e", chat="ru_python", correlation_id=CORRELATION_ID):
        structlog.get_logger("tg_fetcher_dagster.fetching").info("day kept", date="2025-11-07")
    line = written.getvalue()
    for part in (
        "day kept",
        "run_id=7c6a1c9e",
        "chat=ru_python",
        f"correlation_id={CORRELATION_ID}",
        "date=2025-11-07",
    ):
        assert part in line
    assert line.count("\n") == 1


def test_what_was_bound_ends_with_its_block() -> None:
    written = lines()
    with log_context(chat="ru_python"):
        pass
    structlog.get_logger("tg_fetcher_dagster.x").warning("later")
    assert "ru_python" not in written.getvalue()


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_settings_secrets_never_reach_a_line_nor_a_trace(log_format: str) -> None:
    written = lines(log_format=log_format, **SECRETS)
    log = structlog.get_logger("tg_fetcher_dagster.x")
    for secret in HIDDEN:
        log.info(secret, reason=f"because {secret}", nested={"list": [secret]})
        log.warning("an exception as a value", error=FetchError(ErrorType.NETWORK, f"cannot use {secret}"))
        try:
            int(f"refused {secret}")
        except ValueError:
            log.exception("with a trace")
        logging.getLogger("tg_fetcher_dagster.plain").error("said %s in the old way", secret)
    text = written.getvalue()
    assert "Traceback" in text
    assert text.count("***") >= 4 * len(HIDDEN)
    for secret in HIDDEN:
        assert secret not in text


@pytest.mark.parametrize(
    "secret", ["redis://:hunter2@cache:6379", "+4915112345678", SESSION, "postgresql://dagster:dagster@db/x"]
)
def test_what_looks_like_a_secret_is_masked_without_being_known(secret: str) -> None:
    text = masked(f"cannot use {secret} now")
    assert secret not in text
    assert "***" in text
    assert text.startswith("cannot use ")
    assert text.endswith(" now")


@pytest.mark.parametrize(
    "name",
    ["password", "api_hash", "TELEGRAM_API_HASH", "access_hash", "phone", "code", "session", "bot_token"],
)
def test_a_value_named_as_a_secret_is_masked_whatever_it_holds(name: str) -> None:
    written = lines()
    structlog.get_logger("tg_fetcher_dagster.x").info("told", **{name: "harmless-looking"})
    assert "harmless-looking" not in written.getvalue()


@pytest.mark.parametrize("name", ["error_code", "correlation_id", "status_code", "session_dir", "run_id"])
def test_a_value_that_is_no_secret_is_shown(name: str) -> None:
    written = lines(**SECRETS)
    structlog.get_logger("tg_fetcher_dagster.x").info("told", **{name: CORRELATION_ID})
    assert orjson.loads(written.getvalue())[name] == CORRELATION_ID


@given(st.uuids())
def test_ids_are_never_taken_for_secrets(each: Any) -> None:
    assert masked(each.hex) == each.hex
    assert masked(str(each)) == str(each)


def test_the_level_and_the_format_follow_the_settings_without_a_second_handler() -> None:
    written = lines(log_level="WARNING")
    structlog.get_logger("tg_fetcher_dagster.x").info("not told")
    configure_logging(Settings.read(log_level="INFO", log_format="text"))
    structlog.get_logger("tg_fetcher_dagster.x").info("told")
    assert len(our_handlers()) == 1
    assert "not told" not in written.getvalue()
    assert "told" in written.getvalue()
