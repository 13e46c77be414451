"""Log lines: what they carry, in both formats, and what they never say."""

import io
import logging
import os
import re
import socket
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import orjson
import pytest
import structlog
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.logs.lines import configure_logging, log_context
from tg_fetcher_dagster.logs.masking import masked
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_logs import LOGGERS, forget_logging, lines_into, our_handlers

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
    "ledger_url": "postgresql://fetcher:led/ger-pass@db/ledger?password=ssl-pass-1",
    "loki_url": "https://7:loki-token@logs:3100",
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
    "led/ger-pass",
    "ssl-pass-1",
    "loki-token",
)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is one for a process: what a test sets up ends with it."""
    forget_logging()
    yield
    forget_logging()


def lines(**settings: Any) -> io.StringIO:
    """Sets logging up and returns where the lines go."""
    configure_logging(Settings.read(**settings))
    written = io.StringIO()
    lines_into(written)
    return written


def break_with(text: str) -> None:
    raise ValueError(text)


def written_lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in written.getvalue().splitlines()]


@time_machine.travel("2025-11-08T00:00:01.25Z", tick=False)
def test_a_json_line_carries_who_writes_who_asked_and_what_it_is_about() -> None:
    written = lines(environment="staging", worker_id="reader-2", service_name="tg_news")
    with (
        log_context(run_id="7c6a1c9e-1111-4222-8333-444455556666"),
        log_context(chat="ru_python", correlation_id=CORRELATION_ID),
    ):
        structlog.get_logger("tg_fetcher_dagster.fetching").info(
            "day kept", date="2025-11-07", message_count=450, duration_seconds=1.5
        )
    assert written.getvalue().startswith('{"timestamp":"2025-11-08T00:00:01.250Z","level":"info","event":')
    line = orjson.loads(written.getvalue())
    assert line == {
        "timestamp": "2025-11-08T00:00:01.250Z",
        "service": "tg_news",
        "environment": "staging",
        "version": version("tg-fetcher-dagster"),
        "host": socket.gethostname(),
        "worker_id": "reader-2",
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
    assert [len(our_handlers(logger)) for logger in LOGGERS] == [1, 1]
    assert "not told" not in written.getvalue()
    assert "told" in written.getvalue()


def test_a_worker_is_named_by_its_host_and_process_where_nobody_names_it() -> None:
    written = lines()
    structlog.get_logger("tg_fetcher_dagster.x").info("told")
    [line] = written_lines(written)
    assert line["worker_id"] == f"{socket.gethostname()}:{os.getpid()}"
    assert line["environment"] == "development"


def test_a_stack_trace_is_a_field_and_names_its_sort_of_error() -> None:
    written = lines()
    log = structlog.get_logger("tg_fetcher_dagster.x")
    for error in (FetchError(ErrorType.STORAGE, "the disk is full"), ValueError("odd")):
        try:
            raise error
        except (FetchError, ValueError):
            log.exception("it broke")
    full, odd = written_lines(written)
    assert (full["error_type"], odd["error_type"]) == ("storage", "internal")
    assert full["exception"].startswith("Traceback (most recent call last):")
    assert odd["exception"].endswith("ValueError: odd")


def test_warnings_of_other_libraries_are_lines_too_and_dagsters_are_left_to_dagster() -> None:
    written = lines(redis_password="s3cret-redis")
    logging.getLogger("asyncio").error("Task exception was never retrieved: %s", "s3cret-redis")
    logging.getLogger("dagster.daemon").error("said by its own handler")
    logging.getLogger("urllib3").info("chatter")
    [line] = written_lines(written)
    assert line["logger"] == "asyncio"
    assert line["event"] == "Task exception was never retrieved: ***"
    assert line["environment"] == "development"


def test_what_is_very_long_is_cut_and_the_end_of_a_trace_is_kept() -> None:
    written = lines()
    log = structlog.get_logger("tg_fetcher_dagster.x")
    try:
        break_with("y" * 50_000 + " the end")
    except ValueError:
        log.exception("long", title="x" * 10_000)
    [line] = written_lines(written)
    assert line["title"] == "x" * 4_000 + "... (6000 more characters)"
    assert line["exception"].endswith("y the end")
    assert len(written.getvalue()) < 16_384


FORGED = st.text(
    alphabet=st.one_of(
        st.characters(), st.sampled_from('\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\x1b\x9b\u202e"\\={}[]')
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=FORGED, key=st.sampled_from(["title", "error", "chat"]), log_format=st.sampled_from(["json", "text"])
)
def test_no_text_from_elsewhere_forges_a_line(text: str, key: str, log_format: str) -> None:
    evil = text + '\n{"level":"error","event":"forged"}\n2025-11-08T00:00:00.000Z [error   ] forged'
    written = lines(log_format=log_format)
    log = structlog.get_logger("tg_fetcher_dagster.x")
    log.info("told", **{key: evil, "nested": {evil: [evil]}})
    logging.getLogger("other.library").warning("%s", evil)
    try:
        break_with(evil)
    except ValueError:
        log.exception("broken")
    found = written.getvalue().splitlines()  # also at \x85, U+2028 and all else that Python splits at
    if log_format == "json":
        assert [orjson.loads(line)["level"] for line in found] == ["info", "warning", "error"]
        assert orjson.loads(found[0])[key] == evil.encode(errors="replace").decode()
    else:
        heads = [line for line in found if not line.startswith("    ")]
        assert [re.match(r"\d{4}-.{19} \[(\w+) *\] ", line)[1] for line in heads] == [
            "info",
            "warning",
            "error",
        ]
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", written.getvalue())
