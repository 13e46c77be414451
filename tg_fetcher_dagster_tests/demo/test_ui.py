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


FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


@pytest.fixture(scope="module")
def ui_url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "demo"
    demo = subprocess.Popen([TG_FETCHER, "demo", "--folder", folder], stdout=subprocess.PIPE, text=True)
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


@pytest.fixture
def page(ui_url, tmp_path):
    """Returns what a page of the UI looks like to a browser, once its scripts have run."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed: apt-get install chromium")

    def shown(path):
        return subprocess.run(
            [
                browser,
                *FLAGS,
                f"--user-data-dir={tmp_path / 'browser'}",
                "--window-size=1400,900",
                "--virtual-time-budget=20000",
                "--dump-dom",
                ui_url + path,
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout

    return shown


@pytest.mark.system
def test_the_partitions_page_shows_the_chats_and_the_days_that_are_done(page):
    shown = page("/assets/messages?view=partitions")
    assert "demo_news" in shown
    assert "demo_python_chat" in shown
    assert "Materialized (15)" in shown
    assert "Failed (0)" in shown


@pytest.mark.system
def test_a_check_says_in_words_what_it_found_and_what_to_do(page):
    shown = page("/assets/messages?view=checks")
    assert re.search(r"\d+ messages, ids \d+\.\.\d+ ", shown)
    assert "tg-fetcher rebuild CHAT --date DATE" in shown


@pytest.mark.system
def test_the_list_of_runs_names_chats_days_and_who_asked(page):
    shown = page("/runs")
    assert "chat: demo_python_chat" in shown
    assert "days: 2025-11-01..2025-11-14" in shown
    assert "asked_by: demo" in shown
