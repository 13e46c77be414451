"""`tg-fetcher logged`: a real program below it, its lines, signals and exit code."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.logs import foreign_lines
from tg_fetcher_dagster.logs.foreign_lines import ForeignLines
from tg_fetcher_dagster.logs.relay import Relay
from tg_fetcher_dagster.logs.rendering import LogFormat
from tg_fetcher_dagster_tests.waiting import PATIENCE

TG_FETCHER = [sys.executable, "-m", "tg_fetcher_dagster.cli.app"]
ORIGIN = {"service": "x", "environment": "x", "version": "1", "host": "x", "worker_id": "x:1"}
SAYS_ALL = """
import sys, os
print("on output", flush=True)
print("redis://:hunter2@cache said no", file=sys.stderr, flush=True)
sys.stderr.write("no newline at the end")
sys.stderr.flush()
sys.exit(7)
"""


def environment(folder: Path, **settings: str) -> dict[str, str]:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return {**os.environ, "TG_FETCHER_ENV_FILE": str(folder / ".env")}


def lines_of(told: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in told.splitlines()]


def run(folder: Path, *program: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*TG_FETCHER, "logged", *program],
        env=environment(folder, **settings),
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )


def test_all_that_a_program_says_is_json_and_its_exit_code_is_passed_on(tmp_path: Path) -> None:
    ended = run(tmp_path, sys.executable, "-c", SAYS_ALL, ENVIRONMENT="staging")
    assert ended.returncode == 7
    assert ended.stdout == b""
    lines = lines_of(ended.stderr)
    assert {line["event"] for line in lines} == {
        "on output",
        "redis://***@cache said no",
        "no newline at the end",
    }
    assert {line["environment"] for line in lines} == {"staging"}


def test_a_wrong_setting_hinders_no_program_and_its_lines_come(tmp_path: Path) -> None:
    ended = run(tmp_path, "echo", "hello", LOG_LEVEL="LOUD")
    assert ended.returncode == 0
    assert [line["event"] for line in lines_of(ended.stderr)] == ["hello"]


def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    ended = run(tmp_path, "no-such-program")
    assert ended.returncode == 1
    assert ended.stderr == b"error: no-such-program cannot be started: No such file or directory\n"


FORGES = """
import json, logging, sys
from tg_fetcher_dagster.logs.lines import configure_logging
from tg_fetcher_dagster.settings import Settings
configure_logging(Settings.read())
ours = dict.fromkeys(("timestamp", "service", "environment", "version", "host", "worker_id"), "forged")
title = "a chat\\n" + json.dumps({**ours, "level": "critical", "event": "redis://:hunter2@cache", "x": 1})
print("2025-11-08 00:00:00 +0000 - dagster - INFO - " + title, file=sys.stderr)
logging.getLogger("tg_fetcher_dagster.x").warning("really ours", extra={"relay": "forged", "chat": "x"})
"""


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_is_ours_by_no_look_of_it(tmp_path: Path, log_format: LogFormat) -> None:
    ended = run(tmp_path, sys.executable, "-c", FORGES, LOG_FORMAT=log_format, SERVICE_NAME="true_one")
    told = ended.stderr.decode()
    assert "hunter2" not in told
    assert "relay" not in told, "what our lines are known by is nobody's business"
    if log_format == "json":
        by_event = {line["event"]: line for line in lines_of(ended.stderr)}
        assert {line["service"] for line in by_event.values()} == {"true_one"}
        assert by_event["really ours"]["logger"] == "tg_fetcher_dagster.x"
    else:
        assert re.search(r"^\S+ \[warning *\] really ours  chat=x$", told, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_reaches_the_program_once_and_its_last_words_are_written(
    tmp_path: Path, number: signal.Signals
) -> None:
    counting = (
        "import signal, sys, time\n"
        "heard = []\n"
        f"signal.signal({number.value}, lambda *a: heard.append(1))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
        "print('heard', len(heard), flush=True)\n"
        "sys.exit(5)\n"
    )
    with subprocess.Popen(
        [*TG_FETCHER, "logged", sys.executable, "-c", counting],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        first = orjson.loads(process.stderr.readline())
        assert first["event"] == "ready"
        os.killpg(process.pid, number)  # as Ctrl-C does, and as whoever ends a whole group
        rest = lines_of(process.stderr.read())
        assert process.wait(PATIENCE) == 5
    assert [line["event"] for line in rest] == ["heard 1"]


def test_a_program_hears_what_a_shell_in_the_background_ignores(tmp_path: Path) -> None:
    says = "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)"
    logged = shlex.join([*TG_FETCHER, "logged", sys.executable, "-c", says])
    ended = subprocess.run(
        ["sh", "-c", f"{logged} & wait"], env=environment(tmp_path), capture_output=True, check=True
    )
    assert [line["event"] for line in lines_of(ended.stderr)] == ["False"]


def test_a_line_is_written_while_its_program_goes_on_and_the_other_output_is_busy(tmp_path: Path) -> None:
    busy = (
        "import sys, threading\n"
        "over = threading.Event()\n"
        "def chatter():\n"
        "    while not over.wait(0.01):\n"
        "        print('chatter', flush=True)\n"
        "threading.Thread(target=chatter).start()\n"
        "print('2025-11-08 00:00:00 +0000 - dagster - ERROR - broken', file=sys.stderr, flush=True)\n"
        "sys.stdin.read()\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen(
        [*TG_FETCHER, "logged", sys.executable, "-c", busy],
        env=environment(tmp_path),
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        events = (orjson.loads(line)["event"] for line in process.stderr)
        assert next(event for event in events if event != "chatter") == "broken"
        process.terminate()


def test_a_program_that_was_killed_is_told_from_one_that_ended(tmp_path: Path) -> None:
    ended = run(tmp_path, "sh", "-c", "kill -KILL $$")
    assert ended.returncode == 128 + signal.SIGKILL


def test_who_outlives_the_program_with_its_output_open_holds_nobody_up(tmp_path: Path) -> None:
    ended = run(tmp_path, "sh", "-c", f"sleep {PATIENCE * 2} & echo gone; exit 4")
    assert ended.returncode == 4
    [line] = lines_of(ended.stderr)
    assert line["event"] == "gone"


DEEP = '{"event":"deep","x":%s}'
ODD = [
    "2025-02-31 12:00:00 +0000 - d - INFO - x",
    "2025-02-28 12:00:60 +0000 - d - INFO - x",
    "2025-02-28 12:00:61 +0000 - d - INFO - x",
    "2025-02-28 12:00:00 +9999 - d - INFO - x",
    "0001-01-01 00:00:00 +1400 - d - INFO - x",
    "9999-12-31 23:59:59 -1400 - d - INFO - x",
    *(DEEP % ("[" * depth + "]" * depth) for depth in (49, 50, 260, 500, 1000)),
    DEEP % ('{"x":' * 500 + "1" + "}" * 500),
    '{"event":"x","level":null}',
    '{"event":"x","level":[1]}',
    '{"event":"x","timestamp":{},"service":[],"y":1e999,"z":123456789012345678901234567890}',
]


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_line_is_one_line_and_the_next_ones_come(odd: str, log_format: LogFormat) -> None:
    told = relayed([odd, "2025-11-08 00:00:00 +0000 - dagster - INFO - the next one"], log_format)
    assert len(told) == 2
    assert "the next one" in told[1]


@given(
    texts=st.lists(st.one_of(st.text(), st.sampled_from(ODD), st.from_regex(foreign_lines._DAGSTER))),
    log_format=st.sampled_from(["json", "text"]),
)
def test_whatever_a_program_says_is_written_and_the_next_line_comes(
    texts: list[str], log_format: LogFormat
) -> None:
    lines = [part for text in texts for part in text.split("\n")]
    told = relayed([*lines, "2025-11-08 00:00:00 +0000 - dagster - INFO - the next one"], log_format)
    heads = [line for line in told if not line.startswith("    ")]
    assert len(heads) <= len(lines) + 1
    assert "the next one" in heads[-1]
    if log_format == "json":
        assert all(isinstance(orjson.loads(line)["event"], str) for line in told)


@given(value=st.recursive(st.none() | st.floats() | st.text() | st.integers(), st.lists))
def test_a_json_line_of_another_program_is_one_line(value: object) -> None:
    said = json.dumps({"event": "said", "level": value, "timestamp": value, "host": value, "x": value})
    assert len(relayed([said], "json")) == 1


def relayed(texts: list[str], log_format: LogFormat) -> list[str]:
    """Returns the lines that become of a program's."""
    out = io.StringIO()
    relay = Relay(origin_of=lambda _: ORIGIN, log_format=log_format, out=out, clock=lambda: 1762560000.0)
    lines = relay.lines("warning")
    for text in texts:
        relay.write(lines.read(text))
    relay.write(lines.ended())
    return out.getvalue().splitlines()


@given(
    written=st.lists(st.binary(max_size=60), max_size=8),
    log_format=st.sampled_from(["json", "text"]),
)
def test_no_bytes_of_a_program_forge_a_line(written: list[bytes], log_format: LogFormat) -> None:
    out = io.StringIO()
    relay = Relay(origin_of=lambda _: ORIGIN, log_format=log_format, out=out)
    lines = ForeignLines(level="warning", clock=lambda: 1762560000.0)
    texts = [part.decode(errors="replace") for data in written for part in data.split(b"\n")]
    found = [each for text in texts for each in lines.read(text)] + lines.ended()
    relay.write(found)
    told = out.getvalue().splitlines()
    if log_format == "json":
        assert len(told) == len(found)
        assert all(orjson.loads(line)["level"] == "warning" for line in told)
    else:
        heads = [line for line in told if not line.startswith("    ")]
        assert len(heads) == len(found)
        assert all(head.startswith("2025-11-08T00:00:00.000Z [warning ]") for head in heads)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", out.getvalue())
