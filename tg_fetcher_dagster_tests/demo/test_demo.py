"""The demo as a newcomer runs it: the real thing, programs and all."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tg_fetcher_dagster.cli.app import run
from tg_fetcher_dagster_tests.consumer import read_day
from tg_fetcher_dagster_tests.waiting import PATIENCE
from tg_fetcher_sandbox.demo import command, processes, services
from tg_fetcher_sandbox.demo.processes import accepts
from tg_fetcher_sandbox.demo.services import REDIS_PORT, UI_PORT

TG_FETCHER = Path(sys.executable).with_name("tg-fetcher")


@pytest.mark.flow
def test_the_demo_checks_itself_and_ends_though_its_ports_are_busy(tmp_path, capsys, monkeypatch):
    for module in (command, processes, services):
        monkeypatch.setattr(module, "PATIENCE", PATIENCE)
    with ExitStack() as stack:
        for port in (UI_PORT, REDIS_PORT):
            with suppress(OSError):  # somebody else has it: busy as well
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        assert run(["demo", "--once", "--folder", str(tmp_path / "demo")]) == 0
    said = capsys.readouterr().out
    assert "15 day files equal the sandbox's truth, each with one event and its checksum" in said
    assert "RPUSH tg_commands" in said
    ports = set(map(int, re.findall(r"127\.0\.0\.1:(\d+)", said)))
    assert ports.isdisjoint({UI_PORT, REDIS_PORT})
    assert not any(map(accepts, ports))
    days = list((tmp_path / "demo" / "data").glob("*/????-??-??.json"))
    assert Counter(path.parent.name for path in days)["demo_python_chat"] == 14
    for path in days:
        read_day(path.parent, path.stem)


@pytest.mark.flow
def test_a_demo_that_is_ended_while_it_starts_leaves_nothing_running(tmp_path):
    program = subprocess.Popen(
        [TG_FETCHER, "demo", "--folder", tmp_path / "demo"], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    with program.stdout:
        first = program.stdout.readline()
        port = int(re.search(r"127\.0\.0\.1:(\d+)", first)[1])
        while not accepts(port):
            assert program.poll() is None
        program.send_signal(signal.SIGTERM)
        rest = program.stdout.read()  # ends when nothing that the demo has started holds it any more
    assert program.wait(PATIENCE) == 128 + signal.SIGTERM
    assert "everything that was started is ended too" in rest
    assert not accepts(port)
    assert "Traceback" not in rest


def test_a_folder_that_is_no_demos_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    assert run(["demo", "--once", "--folder", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
