"""The page that the demo sends people to, in a real browser. Needs Debian's chromium."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tg_fetcher_dagster_tests.waiting import PATIENCE

TG_FETCHER = Path(sys.executable).with_name("tg-fetcher")


@pytest.fixture
def browser():
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    return found


@pytest.fixture
def ui_url(tmp_path):
    demo = subprocess.Popen(
        [TG_FETCHER, "demo", "--folder", tmp_path / "demo"], stdout=subprocess.PIPE, text=True
    )
    said = ""
    with demo.stdout:
        for line in demo.stdout:
            said += line
            if "running until Ctrl-C" in line:
                yield re.search(r"(http://127\.0\.0\.1:\d+)/runs", said)[1]
                break
        demo.send_signal(signal.SIGINT)
        said += demo.stdout.read()
    assert demo.wait(PATIENCE) == 0, said


@pytest.mark.system
def test_the_partitions_page_shows_the_chats_and_the_days_that_are_done(browser, ui_url, tmp_path):
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    page = subprocess.run(
        [
            browser,
            *flags,
            f"--user-data-dir={tmp_path / 'browser'}",
            "--window-size=1400,900",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"{ui_url}/assets/messages?view=partitions",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    ).stdout
    assert "demo_news" in page
    assert "demo_python_chat" in page
    assert "Materialized (15)" in page
    assert "Failed (0)" in page
