"""docs/runbook.md, "Backup" and "Restore", rehearsed: a host is lost in mid-run, another one goes on."""

import os
import re
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster_tests.chaos.processes import end_all
from tg_fetcher_dagster_tests.consumer import read_day
from tg_fetcher_dagster_tests.documents.blocks import DOCS
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, Deployment
from tg_fetcher_sandbox.background import RunningSandbox

# It waits until a dead run counts as dead: more than the quick tests have time for.
pytestmark = [pytest.mark.flow, pytest.mark.system]

DAYS = [f"2025-11-{day:02}" for day in range(1, 13)]
SCENARIO: dict[str, Any] = {
    "seed": 8,
    "days": {"from": DAYS[0], "to": DAYS[-1]},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {"busy": {"type": "supergroup", "username": "busy_chat", "messages_per_day": 120, "members": 9}},
}

EACH_ANSWERS_FOR_ITSELF = {"DEDUP_WINDOW_SECONDS": "0"}
"""A command that repeats another one is told that one's end again: here that would look like a repeat."""


def typed(section: str) -> list[str]:
    """What a section of the runbook tells to type."""
    text = (DOCS / "runbook.md").read_text(encoding="utf-8")
    body = re.split(r"^## ", text, flags=re.MULTILINE)
    (found,) = (each for each in body if each.startswith(f"{section}\n"))
    return [line.removeprefix("$ ") for line in re.findall(r"^\$ .+$", found, re.MULTILINE)]


def typing(deployment: Deployment, lines: list[str], backups: Path) -> None:
    """Types lines in a deployment's folder."""
    environment = {**deployment.environment, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    for line in lines:
        done = subprocess.run(
            line.replace("/backups", str(backups)), shell=True, cwd=deployment.folder, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        only_changed = line.startswith("tar -c") and done.returncode == 1  # as the page says
        assert done.returncode == 0 or only_changed, f"{line}\n{done.stdout}{done.stderr}"


@pytest.fixture
def lost(tmp_path: Path, ledger_of_deployment: Callable[[], dict[str, str]]) -> Iterator[Deployment]:
    """The deployment that will be lost, with its daemon."""
    with valkey() as server, RunningSandbox(SCENARIO) as sandbox:
        url = f"redis://127.0.0.1:{server.port}"
        deployment = Deployment(
            tmp_path / "lost", sandbox, url, env=EACH_ANSWERS_FOR_ITSELF | ledger_of_deployment()
        )
        deployment.start_daemon()
        try:
            yield deployment
        finally:
            deployment.stop()


def days_on_disk(deployment: Deployment) -> set[str]:
    return {path.stem for path in (deployment.data_dir / "busy_chat").glob("2025-11-??.json")}


def days_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as opened:
        return {
            Path(name).stem for name in opened.getnames() if re.search(r"busy_chat/2025-11-..\.json$", name)
        }


def test_a_restored_backup_goes_on_and_nobody_is_told_twice(lost: Deployment, tmp_path: Path) -> None:
    if "LEDGER_URL" in lost.env:
        pytest.skip("a Postgres ledger is backed up by pg_dump")
    backups = tmp_path / "backups"
    backups.mkdir()
    mkdir, back_up_ledger, *copy = typed("Backup")

    # A range under way: some days are done, some are not, and the next page does not come.
    lost.sandbox.add_fault(method="messages.getHistory", after=4, hold=True)
    command = lost.push(chat="busy_chat", mode="range", **{"from": DAYS[0], "to": DAYS[-1]})
    lost.until(lambda: lost.sandbox.held and days_on_disk(lost), what="a durable day")
    typing(lost, [mkdir, back_up_ledger], backups)
    at_ledger = days_on_disk(lost)
    # The run goes on before the files are copied: they are newer than the ledger.
    lost.sandbox.clear_faults()
    lost.sandbox.add_fault(method="messages.getHistory", after=2, hold=True)
    lost.until(lambda: lost.sandbox.held and len(days_on_disk(lost)) > len(at_ledger), what="more days")
    typing(lost, copy, backups)
    at_files = days_in(backups / "today" / "data.tar")
    assert at_ledger < at_files < set(DAYS)
    end_all(lost.home)
    afterwards = days_on_disk(lost) - at_files  # while the files were copied, or later
    shutil.rmtree(lost.folder)
    lost.sandbox.clear_faults()

    found = Deployment(tmp_path / "found", lost.sandbox, lost.redis_url, env=dict(EACH_ANSWERS_FOR_ITSELF))
    for made in (found.folder / "sessions", found.data_dir):
        shutil.rmtree(made, ignore_errors=True)
    restore = typed("Restore")
    env = next(number for number, line in enumerate(restore) if ".env" in line) + 1
    typing(found, restore[:env], backups)
    assert "/lost/" in (found.folder / ".env").read_text(encoding="utf-8")
    found.write_env()  # this host's own folders
    typing(found, restore[env:], backups)
    assert AccountStore(found.settings.session_dir).load("main").session.get_secret_value()
    before = found.sandbox.count("messages.getHistory")
    found.start_daemon()
    try:
        found.until(lambda: days_on_disk(found) == set(DAYS), what="the days that were missing")
        known = found.push(chat="busy_chat", mode="range", **{"from": DAYS[0], "to": DAYS[-1]})
        found.until(
            lambda: sum(known in event["command_ids"] for event in found.events()) == len(DAYS),
            what="an answer for each day",
        )
    finally:
        found.stop()

    told = Counter((event["date"], each) for event in found.events() for each in event["command_ids"])
    twice = {day for (day, _), times in told.items() if times > 1}
    assert twice <= afterwards, "nobody is told twice of what is in the backup"
    assert {day for day, each in told if each == command} >= set(DAYS) - at_files
    again = {event["event"] for event in found.events() if known in event["command_ids"]}
    assert again == {"fetch_skipped"}, "each day is known, whoever read it"
    pages = -(-120 * len(set(DAYS) - at_files) // 100)
    assert found.sandbox.count("messages.getHistory") - before <= pages + 3, "no day is read again"
    for day in DAYS:
        read_day(found.data_dir / "busy_chat", day)
