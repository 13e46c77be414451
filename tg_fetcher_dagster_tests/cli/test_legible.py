"""Escape sequences of titles and commands reach neither the terminal nor a pipe."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.ledger import dead_letters
from tg_fetcher_dagster_tests.cli.conftest import Command, kept_identities
from tg_fetcher_dagster_tests.cli.test_terminal import Terminal
from tg_fetcher_dagster_tests.cli.worker import known_ledger

EVIL = "Club\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\nerror: none"
SHOWN = r"Club\u001b]0;owned\u0007\u001b[2J\u009b31m\u202egnp\u000aerror: none"


@pytest.fixture
def evil_chat(env_file: Path) -> None:
    chat = ChatIdentity(
        key="club_chat", marked_id=-1001234567890, type="supergroup", title=EVIL, username="club_chat",
        added_at=datetime(2025, 11, 7, tzinfo=UTC),
    )  # fmt: skip
    kept_identities().record(chat)


@pytest.mark.usefixtures("evil_chat")
def test_a_title_in_a_pipe_is_text(command: Command) -> None:
    listed = command("chats", "list")
    assert SHOWN in listed.out
    assert "\x1b" not in listed.out
    as_json = command("status", "--json").out
    assert json.loads(as_json)["chats"][0]["title"] == EVIL
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(as_json)


@pytest.mark.usefixtures("evil_chat")
def test_a_title_at_a_terminal_is_text(command: Command) -> None:
    terminal = Terminal("chats", "list")
    assert terminal.end() == 0
    assert r"\u001b]0;owned\u0007\u001b[2J" in terminal.shown
    assert "\x1b]0;" not in terminal.shown
    assert "\x1b[2J" not in terminal.shown


def test_a_dead_letter_in_a_pipe_is_text(command: Command) -> None:
    letter = {"chat": EVIL, "command_id": EVIL, "error": EVIL}
    row = {"request_id": "r1", **letter, "error_type": "validation", "failed_at": 1.7e9}
    with closing(known_ledger()) as ledger, ledger.write() as connection:
        dead_letters.put(connection, [row | {"letter": orjson.dumps(letter)}])
    assert command("failed", "list").out.count(SHOWN) == 3


def test_what_was_typed_comes_back_as_text(command: Command) -> None:
    result = command("fetch", EVIL, "--yesterday")
    assert result.code == 1
    assert "\x1b" not in result.err
    assert "\x1b" not in command("--verbose", "fetch", EVIL, "--yesterday").err
