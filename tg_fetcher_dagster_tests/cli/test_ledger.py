"""`tg-fetcher ledger` as a person uses it."""

import tarfile
from pathlib import Path

import pytest

from tg_fetcher_dagster_tests import takeover
from tg_fetcher_dagster_tests.cli.conftest import Command

ARCHIVE = Path(takeover.__file__ or "").with_name("before_ledger.tar.xz")


@pytest.fixture
def old(command: Command, env_file: Path) -> Command:
    """A folder that a version without a ledger has left, without Redis."""
    lines = [line for line in env_file.read_text().splitlines() if not line.startswith("REDIS_URL=")]
    env_file.write_text("\n".join([*lines, "REDIS_URL=", ""]))
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(filter="data")
    return command


def test_a_new_folder_gets_its_tables_and_a_second_time_says_that_all_is_there(command):
    first = command("ledger", "migrate")
    assert (first.code, first.out) == (0, "ledger made\n")
    again = command("ledger", "migrate")
    assert (again.code, again.out) == (0, "ledger up to date\n")


def test_an_old_folder_is_refused_until_it_is_taken_over(old):
    refused = old("status")
    assert refused.code == 1
    assert "run tg-fetcher ledger migrate" in refused.error
    look = old("ledger", "migrate", "--dry-run")
    assert look.code == 0
    assert "would be taken over: 3 days\n" in look.out
    assert not Path("data/.ledger").exists()
    done = old("ledger", "migrate")
    assert done.code == 0, done.err
    assert "taken over: 2 chats\n" in done.out
    chats = old("chats", "list")
    assert "demo_news" in chats.out
    assert old("status").code == 0


def test_a_lost_ledger_comes_back_from_the_files_and_a_backup_is_one_file(old):
    assert old("ledger", "migrate").code == 0
    backup = old("ledger", "backup", "copy.sqlite")
    assert backup.code == 0, backup.err
    assert backup.out.startswith("copy.sqlite  ")
    assert "is there already" in old("ledger", "backup", "copy.sqlite").error
    for path in Path("data/.ledger").iterdir():
        path.unlink()
    rebuilt = old("ledger", "rebuild")
    assert rebuilt.code == 0, rebuilt.err
    assert "from the files: 3 days\n" in rebuilt.out
    assert "DAGSTER_HOME is not set" in rebuilt.err
    assert "demo_news" in old("chats", "list").out
