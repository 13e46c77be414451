"""A direct fetch that is stopped, or that Telegram puts off: it ends at once, tells why, and can go on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.worker import told
from tg_fetcher_dagster_tests.waiting import PATIENCE, until

PROGRAM = Path(sys.executable).with_name("tg-fetcher")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_direct_fetch_ends_at_once_and_the_next_one_goes_on(
    signed_in: Command, sandbox: Any, stop: signal.Signals
):
    assert signed_in("chats", "add", "@daily_news").code == 0
    sandbox.add_fault(method="messages.getHistory", hold=True)
    running = subprocess.Popen(
        [PROGRAM, "fetch", "daily_news", "--date", "2025-11-07", "--direct"],
        env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until(lambda: sandbox.held or running.poll() is not None, what="a request under way")
        running.send_signal(stop)
        _, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130  # although the request under way is never answered
    assert err.splitlines() == ["stopped; the days that are done stay done"]
    assert not Path("data/daily_news/2025-11-07.json").exists()
    assert told() == [("daily_news", "2025-11-07", "cancelled")]
    assert "requests  none is open" in signed_in("status").out

    sandbox.clear_faults()
    again = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert (again.code, again.out) == (0, "daily_news 2025-11-07: 4 messages\n")


def test_a_long_flood_is_told_as_the_reason(signed_in: Command, sandbox: Any):
    assert signed_in("chats", "add", "@daily_news").code == 0
    sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    result = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert result.code == 1
    assert re.search(
        r"daily_news 2025-11-07: waits until [\d: -]+ UTC: Telegram asked for a pause", result.error
    )


def test_a_disk_that_refuses_is_one_line(signed_in: Command, env_file: Path):
    assert signed_in("chats", "add", "@daily_news").code == 0
    Path("data/daily_news").write_text("a file where the chat's folder should be")
    with env_file.open("a") as file:
        file.write("MAX_RETRY_ATTEMPTS=0\n")
    result = signed_in("fetch", "daily_news", "--date", "2025-11-07", "--direct")
    assert result.code == 1
    assert "daily_news" in result.error
