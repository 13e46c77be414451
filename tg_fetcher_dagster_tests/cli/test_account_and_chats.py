"""A real account in ten minutes: signing in, choosing chats, forgetting them."""

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.chats.access import note_access
from tg_fetcher_dagster.cli.env_file import with_settings
from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.defs.partitions import range_tags
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.accounts import account_of
from tg_fetcher_dagster.ledger.chats import put_chat
from tg_fetcher_dagster.ledger.database import Ledger, now
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.cli.conftest import Command, kept_identities

API_HASH = "0123456789abcdef0123456789abcdef"


def test_init_leads_from_nothing_to_a_chat_that_is_kept(command: Command, sandbox: Any, env_file: Path):
    answers = f"1234567\n{API_HASH}\n+1 555 000-1001\n12345\n1, -501\n"
    # Only Telegram's own servers ask for the pair of numbers: the options stand for them.
    result = command("init", "--api-id", "1234567", "--api-hash", "-", stdin=answers.partition("\n")[2])
    assert result.code == 0, result.err
    assert "TELEGRAM_API_ID=1234567" in env_file.read_text()
    assert f"TELEGRAM_API_HASH={API_HASH}" in env_file.read_text()
    assert API_HASH not in result.out + result.err
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert "signed in: account main is Rita" in result.out
    assert "@Daily_News" in result.out
    assert [chat.key for chat in kept_identities().all()] == ["chat_501", "daily_news"]
    assert "tg-fetcher fetch chat_501 --yesterday --direct" in result.out


def test_init_asks_for_the_api_id_and_says_where_it_comes_from(command: Command):
    result = command("init")
    assert result.code == 1
    assert "https://my.telegram.org" in result.out
    assert "nobody answered" in result.error
    assert "--api-id" in result.error


def test_init_a_second_time_asks_for_nothing_that_is_there(signed_in: Command, sandbox: Any):
    result = signed_in("init", "--chat", "@daily_news")
    assert result.code == 0
    assert "account main is signed in already: Rita" in result.out
    assert "kept: daily_news" in result.out
    assert "Phone" not in result.err


def test_init_refuses_a_wrong_api_hash_and_never_shows_it(command: Command, env_file: Path):
    before = env_file.read_text()
    result = command("init", "--api-id", "1", "--api-hash", "not-the-right-length")
    assert result.code == 1
    assert "TELEGRAM_API_HASH: must be 32 letters" in result.error
    assert "not-the-right-length" not in result.out + result.err
    assert env_file.read_text() == before


def test_an_env_file_keeps_the_lines_of_others():
    lines = ["# mine", "TELEGRAM_API_ID=1", "export TIMEZONE=UTC", "TELEGRAM_API_ID=2", ""]
    changed = with_settings(lines, {"TELEGRAM_API_ID": "3", "NEW": "it's"})
    assert changed == ["# mine", "TELEGRAM_API_ID=3", "export TIMEZONE=UTC", "", "NEW='it\\'s'"]


def test_a_login_asks_again_after_a_wrong_code_and_for_the_second_factor(command: Command, sandbox: Any):
    typed = "00000\n54321\nwrong\ncorr3ct horse\n"
    result = command("login", "--phone", "+15550001002", "--account", "second", stdin=typed)
    assert result.code == 0, result.err
    assert "signed in: account second" in result.out
    assert "corr3ct horse" not in result.out + result.err
    listed = command("accounts", "list").out
    assert "second" in listed
    assert "ready" in listed


def test_a_login_with_a_wrong_code_three_times_is_refused(command: Command, sandbox: Any):
    result = command("login", "--phone", "+15550001001", stdin="1\n2\n3\n")
    assert result.code == 1
    assert "code" in result.error
    assert command("accounts", "list").out == ""


def test_a_session_file_is_nobody_elses_business(signed_in: Command):
    for path in Path("sessions").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.suffix == ".lock", path


def test_accounts_are_listed_with_what_keeps_them_from_work(signed_in: Command):
    with Ledger.open(Settings.read().ledger_location) as ledger:
        account = Restrictions(ledger, "main")
        account.keep_floods({"messages.getHistory": now() + 3600, "users.getUsers": now() - 1})
        [line] = [each for each in signed_in("accounts", "list").out.splitlines() if "main" in each]
        assert "ready; waits until 20" in line
        assert line.rstrip().endswith("UTC: Telegram's flood wait of messages.getHistory")
        assert signed_in("accounts", "end-wait", "main").code == 0
        assert "waits until" not in signed_in("accounts", "list").out
        account.quarantine("USER_DEACTIVATED_BAN")
    assert "USER_DEACTIVATED_BAN" in signed_in("accounts", "list").out
    assert "quarantine" in signed_in("chats", "add", "@daily_news").error
    assert signed_in("accounts", "remove", "main").code == 0
    assert signed_in("accounts", "list").out == ""


def test_an_account_whose_session_is_gone_can_be_forgotten_and_one_that_never_was_is_not_made_up(
    signed_in: Command,
):
    (Settings.read().session_dir / "main.session").unlink()  # the ledger still knows the account
    assert signed_in("accounts", "remove", "main").code == 0
    for line in ("remove", "end-wait"):
        assert "no account 'main'" in signed_in("accounts", line, "main").error
    with Ledger.open(Settings.read().ledger_location) as ledger, ledger.read() as connection:
        assert account_of(connection, "main") is None


def test_chats_are_chosen_from_the_dialogs_and_kept(signed_in: Command):
    listed = signed_in("chats", "list", "--all")
    assert "@Daily_News" in listed.out
    assert "[red]Club[/red]" in listed.out, "a title is never read as markup"
    added = signed_in("chats", "add", "https://t.me/Daily_News", "-501")
    assert added.code == 0, added.err
    assert "kept: daily_news (channel" in added.out
    assert "kept: chat_501 (group, [red]Club[/red])" in added.out
    known = kept_identities().get("daily_news")
    assert known is not None
    assert known.first_message_date is not None


def test_a_chat_that_cannot_be_added_keeps_no_other_from_it(signed_in: Command):
    result = signed_in("chats", "add", "@closed_doors", "@no_such_chat", "@daily_news")
    assert result.code == 1
    assert "kept: daily_news" in result.out
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 2
    assert "closed_doors" in errors[0]
    assert "no_such_chat" in errors[1]


def test_a_flood_on_history_does_not_lose_who_a_chat_is(signed_in: Command, sandbox: Any):
    sandbox.add_fault(method="messages.getHistory", flood_wait=3600)
    assert signed_in("chats", "add", "@Daily_News").code == 0
    assert [chat.key for chat in kept_identities().all()] == ["daily_news"]


def test_a_chat_is_paused_resumed_and_forgotten_and_its_files_stay(signed_in: Command):
    signed_in("chats", "add", "@daily_news")
    kept = Path("data/daily_news/2025-11-07.json")
    kept.parent.mkdir()
    kept.write_text("{}")
    assert signed_in("chats", "pause", "@Daily_News").code == 0
    assert "paused" in signed_in("chats", "list").out
    assert signed_in("chats", "resume", "daily_news").code == 0
    assert "paused" not in signed_in("chats", "list").out
    removed = signed_in("chats", "remove", "daily_news")
    assert removed.code == 0
    assert "its files stay" in removed.out
    assert kept.exists()
    assert signed_in("chats", "list").out == ""


@pytest.fixture
def instance(
    signed_in: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster that the command finds."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as opened:
        yield opened


def test_remove_takes_away_what_it_is_given_literally(signed_in: Command, instance: dg.DagsterInstance):
    signed_in("chats", "add", "@daily_news")
    instance.add_dynamic_partitions("chats", ["@Daily_News", "no chat|"])

    removed = signed_in("chats", "remove", "@Daily_News")

    assert removed.code == 0, removed.err
    assert "removed: the partition @Daily_News; no chat was kept under that key" in removed.out
    assert instance.get_dynamic_partitions("chats") == ["daily_news", "no chat|"]
    assert [chat.key for chat in kept_identities().all()] == ["daily_news"]
    assert signed_in("chats", "remove", "no chat|").code == 0
    assert signed_in("chats", "remove", "@Daily_News").code == 0, "no partition now: the chat of that name"
    assert instance.get_dynamic_partitions("chats") == []
    assert kept_identities().all() == []
    assert "is not kept here" in signed_in("chats", "remove", "@Daily_News").error


def test_remove_refuses_under_a_run_and_forgets_nothing(signed_in: Command, instance: dg.DagsterInstance):
    signed_in("chats", "add", "@daily_news")
    day = date(2025, 11, 7)
    run = instance.create_run_for_job(
        defs().resolve_job_def("fetch_days"),
        tags=dict(range_tags(("daily_news", "daily_news"), (day, day))),
        status=dg.DagsterRunStatus.CANCELING,
    )
    assert f"run {run.run_id} is under way" in signed_in("chats", "remove", "daily_news").error
    assert [chat.key for chat in kept_identities().all()] == ["daily_news"]
    assert instance.get_dynamic_partitions("chats") == ["daily_news"]


def test_a_chat_out_of_the_round_and_a_damaged_one_are_listed(signed_in: Command):
    signed_in("chats", "add", "@daily_news", "-501")
    ledger = kept_identities().ledger
    note_access(ledger, "chat_501", FetchError(ErrorType.NO_ACCESS, "the account was removed from it"))
    with ledger.write() as connection:
        put_chat(connection, "daily_news", marked_id=-1000000000009, identity="{", paused=False)

    listed = signed_in("chats", "list")
    status = signed_in("status")

    assert "no access since" in listed.out
    assert "damaged" in listed.out
    assert "chat chat_501: no access since" in listed.err
    assert "the account was removed from it; asked for again after" in listed.err
    assert "the account was removed from it" in status.out
    for said in (listed.err, status.out):
        assert "chat daily_news: its row in the ledger is damaged" in said


def test_a_forgotten_chat_of_the_settings_is_pointed_at(signed_in: Command, env_file: Path):
    with env_file.open("a") as file:
        file.write("TELEGRAM_CHATS=@daily_news\n")
    signed_in("chats", "add", "@daily_news")
    assert "still in TELEGRAM_CHATS" in signed_in("chats", "remove", "daily_news").err


def test_telegram_being_away_is_one_line(signed_in: Command, sandbox: Any, monkeypatch: pytest.MonkeyPatch):
    sandbox.stop()
    result = signed_in("chats", "add", "@daily_news")
    assert result.code == 1
    assert "Telegram" in result.error
