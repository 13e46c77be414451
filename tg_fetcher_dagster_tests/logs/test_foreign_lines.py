"""Dagster's and other programs' lines become ours."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from dagster._utils.log import (
    configure_loggers,
)  # what Dagster's processes call: the format is tested against it
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.logs.foreign_lines import ForeignLines
from tg_fetcher_dagster.logs.relayed import KEY
from tg_fetcher_dagster.logs.rendering import LogFormat, rendered

NOW = datetime(2025, 11, 8, 0, 0, 3, 250_000, tzinfo=UTC)
OURS = {
    "timestamp": "2025-11-08T00:00:00.125Z",
    "level": "info",
    "event": "day kept",
    "service": "tg_fetcher",
    "environment": "production",
    "version": "1",
    "host": "vm",
    "worker_id": "vm:1",
}


def read(*texts: str, level: str = "warning", token: str | None = None) -> list[dict[str, Any]]:
    lines = ForeignLines(level=level, clock=NOW.timestamp, token=token)
    found = [each for text in texts for part in text.split("\n") for each in lines.read(part)]
    return [*found, *lines.ended()]


def without_time(*texts: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key != "timestamp"} for each in read(*texts)]


@pytest.mark.parametrize("colour", ["colored", "json"])
def test_what_dagsters_own_logging_writes_is_understood(
    colour: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dagster = logging.getLogger("dagster")
    before = dagster.handlers[:], dagster.level
    try:
        configure_loggers(formatter=colour)
        log = logging.getLogger("dagster.daemon.SensorDaemon")
        log.info("Checking for new runs")
        try:
            int("odd")
        except ValueError:
            log.exception("Sensor daemon caught an error")
        log.warning("and goes on")
    finally:
        dagster.handlers[:], dagster.level = before
    first, broken, last = read(capsys.readouterr().out.rstrip("\n"))
    assert (first["event"], first["level"]) == ("Checking for new runs", "info")
    assert (broken["event"], broken["level"]) == ("Sensor daemon caught an error", "error")
    assert (last["event"], last["logger"]) == ("and goes on", "dagster.daemon.SensorDaemon")
    if colour == "colored":  # the reason why --log-format json is not used: it drops the trace
        assert broken["exception"].endswith("ValueError: invalid literal for int() with base 10: 'odd'")


def test_a_line_of_a_run_names_its_run() -> None:
    run_id = "4014591d-1775-4442-bcaf-5012c8608aad"
    [line] = without_time(
        f"2025-11-08 00:00:02 +0000 - dagster - ERROR - fetch_days - {run_id} - 812 - messages - STEP_FAILURE"
        ' - Execution of step "messages" failed.\n\ndagster.Failure: 1 of 2 days\n\n'
        'Stack Trace:\n  File "x.py", line 3'
    )
    assert line == {
        "level": "error",
        "logger": "dagster",
        "job": "fetch_days",
        "run_id": run_id,
        "event": 'messages - STEP_FAILURE - Execution of step "messages" failed.',
        "exception": 'dagster.Failure: 1 of 2 days\n\nStack Trace:\n  File "x.py", line 3',
    }


def test_a_line_that_was_just_written_has_milliseconds_and_an_old_one_its_own_time() -> None:
    fresh, old = read(
        "2025-11-08 00:00:02 +0000 - dagster - INFO - now",
        "2025-11-08 02:00:00 +0300 - dagster - INFO - then",
    )
    assert fresh["timestamp"] == "2025-11-08T00:00:03.250Z"
    assert old["timestamp"] == "2025-11-07T23:00:00.000Z"


def test_a_trace_without_a_line_before_it_says_in_its_line_what_is_wrong() -> None:
    trace = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nValueError: odd'
    assert without_time(f"{trace}\nnext") == [
        {"level": "error", "event": "ValueError: odd", "exception": trace},
        {"level": "warning", "event": "next"},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INFO:     Uvicorn running", {"level": "info", "logger": "uvicorn", "event": "Uvicorn running"}),
        (
            "E0000 00:00:1762560003.250000    4711 ssl.cc:12] handshake failed",
            {"level": "error", "logger": "grpc", "event": "ssl.cc:12] handshake failed"},
        ),
        (
            "/lib/x.py:8: DeprecationWarning: old",
            {
                "level": "warning",
                "logger": "py.warnings",
                "event": "DeprecationWarning: old",
                "place": "/lib/x.py:8",
            },
        ),
        ("Killed", {"level": "warning", "event": "Killed"}),
        (
            '{"event":"said","level":"LOUD","timestamp":"never","chat":"x"}',
            {"chat": "x", "level": "warning", "event": "said"},
        ),
        ('{"no":"event"}', {"level": "warning", "event": '{"no":"event"}'}),
    ],
)
def test_other_programs_lines_are_lines(text: str, expected: dict[str, str]) -> None:
    assert without_time(text) == [expected]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_our_own_lines_pass_as_they_are(log_format: LogFormat) -> None:
    fields = {**OURS, "chat": "ru_python", "exception": "Traceback:\n  line" * 1_000}
    if log_format == "json":
        fields["title"] = "x" * 10_000
    text = rendered({**fields, KEY: "5ec2e7"}, log_format)
    [line] = read(text, token="5ec2e7")
    assert line.pop(KEY) == "5ec2e7"
    assert rendered(line, log_format) == rendered(fields, log_format)


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("mark", [{}, {KEY: "guess"}, {KEY: None}, {KEY: ["5ec2e7"]}])
def test_what_only_looks_like_a_line_of_ours_is_foreign(mark: dict[str, Any], log_format: LogFormat) -> None:
    [line] = read(rendered({**OURS, **mark}, log_format), token="5ec2e7")
    assert KEY not in line
    if log_format == "json":
        assert line["timestamp"] == "2025-11-08T00:00:03.250Z"


@given(st.lists(st.text()))
def test_nothing_that_is_said_is_lost_but_blank_lines(texts: list[str]) -> None:
    lines = [text.replace("\n", " ") for text in texts]
    found = orjson.dumps(read(*lines)).decode(errors="replace") if _valid(lines) else str(read(*lines))
    for line in lines:
        if line.strip().isalnum() and line.isascii():
            assert line.strip() in found


def _valid(lines: list[str]) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for line in lines for sign in line)


def test_a_flood_of_text_after_a_line_is_bounded() -> None:
    head = "2025-11-08 00:00:02 +0000 - dagster - ERROR - broken"
    [line] = read(head, *["x" * 1000] * 10_000)
    assert line["event"] == "broken"
    assert len(line["detail"]) < 300_000
    assert sys.getsizeof(rendered(line, "json")) < 16_384
