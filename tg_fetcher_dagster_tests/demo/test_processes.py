"""Programs of the demo: ended with all that they started, whatever happens."""

import os
import signal
import socket
import sys
import textwrap

import pytest

from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster_tests.waiting import PATIENCE, until
from tg_fetcher_sandbox.demo import processes
from tg_fetcher_sandbox.demo.processes import (
    Ended,
    Programs,
    accepts,
    ended_by_signals,
    free_port,
)


def python(program):
    return [sys.executable, "-c", textwrap.dedent(program)]


SLEEP = python("import signal; signal.pause()")
LISTENER = """
import signal, socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
signal.pause()
"""
WITH_A_CHILD = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {LISTENER!r}])")
DEAF = python("""
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("deaf", flush=True)
    signal.pause()
""")


@pytest.fixture(autouse=True)
def _ends_politely(monkeypatch):
    """A program that obeys is not killed, however long a busy machine lets it wait for the processor."""
    monkeypatch.setattr(processes, "PATIENCE", PATIENCE)


@pytest.fixture
def programs(tmp_path):
    with Programs(tmp_path / "logs", environment=os.environ, folder=tmp_path) as programs:
        yield programs


def test_a_program_is_ended_together_with_what_it_started(tmp_path):
    with Programs(tmp_path, environment=os.environ, folder=tmp_path) as programs:
        parent = programs.start("parent", WITH_A_CHILD, read_output=True).process
        port_of_child = int(parent.stdout.readline())
        assert accepts(port_of_child)
    assert parent.returncode == -signal.SIGTERM
    until(lambda: not accepts(port_of_child), what="the end of the child")


def test_a_program_that_does_not_listen_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    with Programs(tmp_path, environment=os.environ, folder=tmp_path) as programs:
        deaf = programs.start("deaf", DEAF, read_output=True).process
        assert deaf.stdout.readline() == b"deaf\n"
    assert deaf.returncode == -signal.SIGKILL


def test_a_start_that_fails_half_way_leaves_nothing_behind(tmp_path):
    started = []

    def start_two():
        with Programs(tmp_path, environment=os.environ, folder=tmp_path) as programs:
            started.append(programs.start("sleeper", SLEEP).process)
            programs.start("no program", [tmp_path / "missing"])

    with pytest.raises(FetchError, match=r"^no program cannot be started: .*No such file"):
        start_two()
    assert started[0].returncode == -signal.SIGTERM


def test_a_program_that_ends_by_itself_is_told_with_the_last_line_of_its_log(programs):
    broken = programs.start("broken", [sys.executable, "-c", "import sys; sys.exit('port 1 is taken')"])
    broken.process.wait(PATIENCE)
    with pytest.raises(FetchError, match=r"broken has ended \(exit 1\); .*broken.log says: port 1 is taken"):
        programs.check()


def test_waiting_ends_in_one_line_that_says_where_the_logs_are(programs, tmp_path):
    with pytest.raises(FetchError, match=rf"the moon was not ready .* logs are in {tmp_path}/logs"):
        programs.wait_until(lambda: False, what="the moon", seconds=0)


def test_a_program_that_is_meant_to_end_may_fail_and_is_told(programs):
    programs.finish(programs.start("good", [sys.executable, "-c", ""]), seconds=PATIENCE)
    programs.check()
    with pytest.raises(FetchError, match=r"bad has ended \(exit 3\)"):
        programs.finish(programs.start("bad", [sys.executable, "-c", "exit(3)"]), seconds=PATIENCE)


def test_a_program_that_is_meant_to_end_and_does_not_is_told(programs):
    with pytest.raises(FetchError, match="sleeper has not ended after 0 s"):
        programs.finish(programs.start("sleeper", SLEEP), seconds=0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_block_and_the_old_reaction_returns(number):
    before = signal.getsignal(number)

    def wait():
        with ended_by_signals():
            signal.raise_signal(number)

    with pytest.raises(Ended) as ended:
        wait()
    assert ended.value.exit_code == 128 + number
    assert signal.getsignal(number) is before


def test_a_busy_port_is_no_error_another_one_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as busy:
        taken = busy.getsockname()[1]
        assert free_port(taken) not in {0, taken}
    assert free_port(taken) == taken
