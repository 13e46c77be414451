"""A real account in ten minutes: signing in, choosing chats, forgetting them."""

import stat
from pathlib import Path
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.cli.env_file import with_settings
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
    AccountStore(Path("sessions")).quarantine("main", "USER_DEACTIVATED_BAN")
    assert "USER_DEACTIVATED_BAN" in signed_in("accounts", "list").out
    assert "quarantine" in signed_in("chats", "add", "@daily_news").error
    assert signed_in("accounts", "remove", "main").code == 0
    assert signed_in("accounts", "list").out == ""


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
