"""A username that another chat took over: what a person sees of it, and how it is settled."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tg_fetcher_dagster_tests.cli.conftest import Command


@pytest.fixture
def moved(signed_in: Command, sandbox: Any) -> Command:
    """The command; `daily_news` was read before its name went to the channel `rival`."""
    assert signed_in("fetch", "@daily_news", "--date", "2025-11-07", "--direct").code == 0
    sandbox.world.rename("rival", "Daily_News")
    return signed_in


def both(sandbox: Any) -> str:
    number = -sandbox.world.chats["news"].peer - 10**12
    return f"@daily_news meant channel_{number} (kept as daily_news) and means channel_7003 now"


def test_who_asks_gets_todays_owner_once_a_page_has_shown_that_the_name_is_lost(moved: Command, sandbox: Any):
    seen = moved("fetch", "@daily_news", "--date", "2025-11-06", "--direct")
    assert seen.out == "daily_news 2025-11-06: 4 messages\n"
    assert "name      @daily_news leads to daily_news no more" in moved("status").out
    assert sandbox.count("contacts.resolveUsername") == 1

    for day in ("2025-11-07", "2025-11-06"):
        owner = moved("fetch", "@daily_news", "--date", day, "--direct")
        assert owner.out == f"channel_7003 {day}: 2 messages\n"
        assert both(sandbox) in owner.err
    assert sandbox.count("contacts.resolveUsername") == 2

    assert f"name      {both(sandbox)}" in moved("status").out
    assert orjson.loads(moved("status", "--json").out)["names"][0].startswith(both(sandbox))
    listed = moved("chats", "list")
    assert both(sandbox) in listed.err
    assert "daily_news" in listed.out


def test_what_is_configured_goes_on_with_the_first_chat_until_a_person_confirms(
    moved: Command, sandbox: Any, env_file: Path
):
    with env_file.open("a") as file:
        file.write("TELEGRAM_CHATS=@Daily_News\n")
    moved("chats", "add", "@daily_news")

    assert moved("fetch", "--date", "2025-11-05", "--direct").out == "daily_news 2025-11-05: 4 messages\n"

    confirmed = moved("chats", "confirm", "@Daily_News")
    assert (confirmed.code, confirmed.out) == (0, "confirmed: @daily_news means channel_7003\n")
    assert "tg-fetcher chats pause daily_news" in confirmed.err
    assert moved("fetch", "--date", "2025-11-05", "--direct").out == "channel_7003 2025-11-05: 2 messages\n"
    assert "name " not in moved("status").out
    assert "waits for nobody" in moved("chats", "confirm", "@Daily_News").error
    assert moved("chats", "confirm", "-1007003").code == 2


def test_a_bare_word_is_the_folder_and_a_name_with_its_sign_whoever_has_it(moved: Command):
    moved("chats", "add", "@daily_news")
    assert moved("chats", "pause", "daily_news").out == "paused: daily_news\n"
    assert moved("chats", "pause", "@daily_news").out == "paused: channel_7003\n"
    assert moved("rebuild", "daily_news").out.startswith("daily_news 2025-11-07 the same\n")


def test_a_name_that_nobody_has_any_more_still_leads_to_its_chat(signed_in: Command, sandbox: Any):
    signed_in("chats", "add", "@daily_news")
    sandbox.world.rename("news", "weekly_news")
    for day in ("2025-11-05", "2025-11-06", "2025-11-07"):
        fetched = signed_in("fetch", "@daily_news", "--date", day, "--direct")
        assert fetched.out == f"daily_news {day}: 4 messages\n"
    assert sandbox.count("contacts.resolveUsername") == 2
    assert "name " not in signed_in("status").out
    assert "@weekly_news" in signed_in("chats", "list").out


def test_the_dialogs_tell_of_a_new_title_too(signed_in: Command, sandbox: Any):
    signed_in("chats", "add", "@daily_news")
    sandbox.world.retitle("news", "Weekly news")
    signed_in("chats", "list", "--all")
    assert "Weekly news" in signed_in("chats", "list").out
