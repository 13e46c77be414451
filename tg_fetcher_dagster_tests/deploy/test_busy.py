"""`make test-busy` ends by itself, and what spins beside the tests ends with them."""

import signal
import subprocess
import sys

from tg_fetcher_dagster_tests.busy import run, spinning


def test_what_spins_is_ended_with_a_command_that_fails():
    with spinning(2) as processes:
        code = run([sys.executable, "-c", "exit(3)"])
        assert [process.poll() for process in processes] == [None, None]
    assert code == 3
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2


def test_what_spins_ends_when_its_parent_was_killed():
    parent = (
        "import os, signal; from tg_fetcher_dagster_tests.busy import spinning\n"
        "with spinning(1):\n"
        "    print('it spins', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # What spins has the same standard output: it is at its end when both are.
    ended = subprocess.run([sys.executable, "-c", parent], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"it spins\n")


def test_a_command_that_takes_too_long_is_ended_and_fails(capfd):
    assert run(["sleep", "3600"], seconds=0.01) != 0
    assert "is ended: TimeoutExpired" in capfd.readouterr().err
