"""Lines reach a Loki that is well, and one that is slow, refuses or is gone holds nothing up."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
import time_machine

from tg_fetcher_dagster.logs.lines import Shipped, configure_logging, log_context
from tg_fetcher_dagster.logs.loki import LokiPush
from tg_fetcher_dagster.logs.rendering import FIRST, ORIGIN
from tg_fetcher_dagster.logs.shipping import Destination
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.fixtures_logs import forget_logging, lines_into
from tg_fetcher_dagster_tests.logs.loki_server import Loki, serve
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

LOG = structlog.get_logger("tg_fetcher_dagster.x")


@pytest.fixture
def loki() -> Iterator[Loki]:
    with serve(Loki()) as serving:
        yield serving


@pytest.fixture
def push_to() -> Iterator[Callable[..., LokiPush]]:
    """Makes pushes that gather for no time; they are ended with the test."""
    made: list[LokiPush] = []

    def push(url: str, **changes: Any) -> LokiPush:
        made.append(LokiPush(f"{url}/loki/api/v1/push", {"service": "x"}, batch_seconds=0.01, **changes))
        return made[-1]

    yield push
    for each in made:
        each.close(0)


@pytest.fixture
def shipping(loki: Loki, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Sets this process' logging up with LOKI_URL; returns what is written on standard error."""
    forget_logging()

    def begin(**settings: Any) -> io.StringIO:
        configure_logging(Settings.read(**{"loki_url": loki.url, **settings}))
        written = io.StringIO()
        lines_into(written)
        return written

    yield begin
    forget_logging()


def put(push: LokiPush, *events: str) -> None:
    for event in events:
        push.put(1762560000.0, "info", f'{{"event":"{event}"}}')


def test_lines_arrive_with_few_labels_and_the_time_at_which_they_were_written(
    loki: Loki, shipping: Callable[..., io.StringIO]
) -> None:
    written = shipping(
        environment="staging", log_format="text", loki_url=f"http://7:to%40ken@127.0.0.1:{loki.port}"
    )
    with (
        time_machine.travel("2025-11-08T00:00:00.5Z", tick=False),
        log_context(chat="ru_python", run_id="r-1"),
    ):
        LOG.warning("fetch ended", date="2025-11-07", message_count=3, reason="to@ken")
    until(lambda: loki.lines, what="the line")
    [(labels, moment, line)] = loki.lines
    assert labels == {
        "service": "tg_fetcher",
        "environment": "staging",
        "host": line["host"],
        "level": "warning",
    }
    assert moment == 1762560000_500_000_000
    assert (line["event"], line["chat"], line["run_id"]) == ("fetch ended", "ru_python", "r-1")
    assert line["reason"] == "***"
    assert loki.auth == {"7:to@ken"}
    assert written.getvalue().startswith("2025-11-08T00:00:00.500Z [warning ] fetch ended"), (
        "and where it was"
    )


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_in_loki_is_the_same_json_whatever_stands_on_standard_error(
    loki: Loki, shipping: Callable[..., io.StringIO], log_format: str
) -> None:
    written = shipping(log_format=log_format)
    with time_machine.travel("2025-11-08T00:00:00Z", tick=False):
        logging.getLogger("tg_fetcher_dagster.plain").error("said in the old way")
    until(lambda: loki.lines, what="the line")
    [(_, _, line)] = loki.lines
    assert line.keys() == {*FIRST, *ORIGIN, "logger"}
    if log_format == "json":
        assert orjson.loads(written.getvalue()) == line


def test_ticks_that_set_logging_up_at_the_same_time_push_a_line_once(
    loki: Loki, shipping: Callable[..., io.StringIO]
) -> None:
    shipping()
    settings = [Settings.read(loki_url=loki.url, log_level=level) for level in ("INFO", "WARNING")]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(configure_logging, settings * 50))
    LOG.error("said once")
    until(lambda: loki.lines, what="the line")
    LOG.error("the next one")
    until(lambda: "the next one" in loki.events(), what="the next line")
    assert loki.events() == ["said once", "the next one"]


def test_no_place_of_a_line_that_has_many_values_is_a_label() -> None:
    wanted = Destination.of(Settings.read(loki_url="https://logs.example/loki/api/v1/push"))
    assert wanted is not None
    assert wanted.url == "https://logs.example/loki/api/v1/push"
    assert dict(wanted.labels).keys() == {"service", "environment", "host"}
    assert wanted.auth is None


def test_while_loki_is_slow_nobody_waits_and_what_is_too_much_is_dropped_and_counted_once(
    loki: Loki, push_to: Callable[..., LokiPush], log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    loki.hold.set()
    push = push_to(loki.url, most_lines=5, timeouts=(PATIENCE, PATIENCE))
    put(push, "first")
    assert loki.arrived.wait(PATIENCE)
    put(push, *(f"line {number}" for number in range(9)))  # returns although nobody takes them
    loki.release()
    until(lambda: len(loki.lines) == 6, what="the lines that were kept")
    assert loki.events() == ["first", *(f"line {number}" for number in range(5))]
    put(push, "last")
    until(lambda: loki.events()[-1] == "last", what="the next line")
    told = [line for line in log_lines() if line["event"] == "log lines did not reach Loki"]
    assert [line["count"] for line in told] == [4]


@pytest.mark.parametrize("answer", [429, 500, 503])
def test_what_loki_refuses_for_now_is_pushed_again_in_order_and_said_once(
    loki: Loki,
    push_to: Callable[..., LokiPush],
    log_lines: Callable[[], list[dict[str, Any]]],
    answer: int,
) -> None:
    loki.answers = [answer] * 3
    push = push_to(loki.url)
    put(push, "first")
    until(lambda: loki.pushes >= 1, what="the first push")
    put(push, "second")
    until(lambda: len(loki.lines) == 2, what="both lines")
    assert loki.events() == ["first", "second"]
    told = [(line["event"], line["trouble"]) for line in log_lines() if "trouble" in line]
    assert told == [("a trouble begins", "loki"), ("a trouble is over", "loki")]
    assert f"HTTP {answer}" in next(line["reason"] for line in log_lines() if "reason" in line)


def test_what_loki_will_never_take_is_dropped_and_the_next_line_goes_on(
    loki: Loki, push_to: Callable[..., LokiPush]
) -> None:
    loki.answers = [400]
    push = push_to(loki.url)
    put(push, "too old")
    until(lambda: loki.pushes, what="the refusal")
    put(push, "fine")
    until(lambda: loki.lines, what="the next line")
    assert loki.events() == ["fine"]


def test_a_line_that_cannot_be_pushed_is_said_and_counted_and_the_next_one_goes_on(
    loki: Loki, push_to: Callable[..., LokiPush], log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    push = push_to(loki.url)
    push.put(float("inf"), "info", "{}")  # no such moment: an OverflowError
    until(lambda: any("trouble" in line for line in log_lines()), what="the trouble")
    put(push, "fine")
    until(lambda: any("count" in line and "trouble" not in line for line in log_lines()), what="the count")
    assert loki.events() == ["fine"]
    assert [line["reason"] for line in log_lines() if line["event"] == "a trouble begins"] == [
        "lines cannot be pushed to Loki: OverflowError; log lines are on standard error as ever"
    ]
    [lost] = [line for line in log_lines() if line["event"] == "log lines did not reach Loki"]
    assert lost["count"] == 1


FORKS = """
import os, sys, structlog
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.settings import Settings
log = structlog.get_logger("tg_fetcher_dagster.x")
configure_logging(Settings.read())
log.info("before the fork")
child = os.fork()
if child == 0:
    log.info("before it knows")
configure_logging(Settings.read())
log.info("of the child" if child == 0 else "of the parent")
if child:
    sys.exit(os.waitpid(child, 0)[1])
"""


def test_a_child_that_was_forked_pushes_from_a_thread_of_its_own(loki: Loki, tmp_path: Path) -> None:
    ended = run([sys.executable, "-W", "ignore", "-c", FORKS], tmp_path, loki.url)
    assert ended.returncode == 0
    assert b"before it knows" in ended.stderr
    assert sorted(loki.events()) == ["before the fork", "of the child", "of the parent"]


def test_a_loki_that_dies_and_comes_back_gets_what_waited(push_to: Callable[..., LokiPush]) -> None:
    with serve(Loki()) as first:
        push = push_to(first.url)
        put(push, "before")
        until(lambda: first.lines, what="the first line")
    put(push, "while it was gone")
    again = Loki(port=first.port)
    with serve(again):
        until(lambda: again.lines, what="the line that waited")
    assert again.events() == ["while it was gone"]


def test_the_end_of_a_process_pushes_what_waits(loki: Loki, push_to: Callable[..., LokiPush]) -> None:
    push = push_to(loki.url)
    put(push, *(f"line {number}" for number in range(2500)))
    assert push.close(PATIENCE) == 0
    assert len(loki.lines) == 2500
    assert loki.pushes >= 3, "in batches"


def test_the_end_of_a_process_does_not_wait_for_a_loki_that_does_not_answer(
    loki: Loki, push_to: Callable[..., LokiPush]
) -> None:
    loki.hold.set()
    push = push_to(loki.url, timeouts=(PATIENCE, PATIENCE))
    put(push, "first")
    assert loki.arrived.wait(PATIENCE)
    put(push, "second")
    assert push.close(0.01) == 2, "and says how many were not taken"


FETCHES = """
import structlog
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.settings import Settings
configure_logging(Settings.read())
structlog.get_logger("tg_fetcher_dagster.x").info("said at the very end")
"""


def test_a_short_process_leaves_its_last_line_in_loki(loki: Loki, tmp_path: Path) -> None:
    ended = run([sys.executable, "-c", FETCHES], tmp_path, loki.url)
    assert ended.returncode == 0
    assert loki.events() == ["said at the very end"]


def test_without_loki_a_process_ends_all_the_same_and_says_what_is_missing_there(tmp_path: Path) -> None:
    ended = run([sys.executable, "-c", FETCHES], tmp_path, "http://127.0.0.1:1")
    assert ended.returncode == 0
    assert b"said at the very end" in ended.stderr
    assert b"log lines did not reach Loki; they are above" in ended.stderr


def test_the_lines_of_a_program_below_us_are_pushed_and_ours_only_by_who_wrote_them(
    loki: Loki, tmp_path: Path
) -> None:
    both = [sys.executable, "-c", f"print('foreign')\n{FETCHES}"]
    ended = run([sys.executable, "-m", "tg_fetcher_dagster.cli.app", "logged", *both], tmp_path, loki.url)
    assert ended.returncode == 0
    assert sorted(loki.events()) == ["foreign", "said at the very end"]
    assert {labels["level"] for labels, _, _ in loki.lines} == {"info"}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_of_ours_reaches_loki_once_in_whatever_format_it_is_shown(
    loki: Loki, tmp_path: Path, log_format: str
) -> None:
    both = [sys.executable, "-c", f"print('foreign')\n{FETCHES}"]
    logged = [sys.executable, "-m", "tg_fetcher_dagster.cli.app", "logged", *both]
    ended = run(logged, tmp_path, loki.url, LOG_FORMAT=log_format)
    assert ended.returncode == 0
    assert sorted(loki.events()) == ["foreign", "said at the very end"]
    assert ended.stderr.decode().count("said at the very end") == 1
    assert not [line for _, _, line in loki.lines if "relay" in line]


def test_a_line_that_makes_no_sense_breaks_nobody(
    loki: Loki, shipping: Callable[..., io.StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    shipping()
    for handler in (logger := logging.getLogger()).handlers[:]:
        if not isinstance(handler, Shipped):
            logger.removeHandler(handler)  # pytest's own would raise
    logging.getLogger("other.library").warning("bad %d", "x")
    logging.getLogger("other.library").warning("good %d", 1)
    until(lambda: "good 1" in loki.events(), what="the next line")
    assert "bad %d" in capsys.readouterr().err, "as of every handler: logging.raiseExceptions"


def run(
    command: list[str], folder: Path, loki_url: str, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    said = {"LOKI_URL": loki_url, **settings}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in said.items()))
    environment = {**os.environ, "TG_FETCHER_ENV_FILE": str(folder / ".env")}
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=PATIENCE * 2)
