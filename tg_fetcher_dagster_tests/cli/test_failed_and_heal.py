"""Dead letters and days that were given up: listed, asked for again, dropped, in any number."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.cli import failed
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.tables import days as days_table
from tg_fetcher_dagster.ledger.tables import dead_letters, requests
from tg_fetcher_dagster_tests.cli.conftest import Command


@pytest.fixture
def known(env_file: Path) -> Iterator[Ledger]:
    """The ledger that the command's settings name."""
    ledger = Ledger.open(f"sqlite:///{Path('data').absolute() / '.ledger' / 'ledger.sqlite'}")
    yield ledger
    ledger.close()


def letter(number: int, **more: Any) -> dict[str, Any]:
    original = {"command": "fetch", "chat": f"chat_{number}", "command_id": f"c{number}"}
    why = {"failed_at": "2025-11-08T00:00:00Z", "error": "no such chat", "error_type": "not_found",
           "retry_count": 0}  # fmt: skip
    row = {"request_id": f"r{number}", "command_id": f"c{number}", "chat": f"chat_{number}",
           "error_type": "not_found", "error": "no such chat", "failed_at": 1.7e9,
           "letter": orjson.dumps(original | why)}  # fmt: skip
    return {**row, **more}


def put(ledger: Ledger, *rows: dict[str, Any]) -> None:
    with ledger.write() as connection:
        connection.execute(sa.insert(dead_letters), list(rows))


def asked(ledger: Ledger) -> list[dict[str, Any]]:
    """The commands that are asked for."""
    with ledger.read() as connection:
        found = connection.execute(sa.select(requests.c.raw).order_by(requests.c.seq))
        return [orjson.loads(raw) for raw in found.scalars()]


def left(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        found = connection.execute(sa.select(dead_letters.c.request_id).order_by(dead_letters.c.seq))
        return list(found.scalars())


def test_letters_are_listed_the_newest_first_and_shown_as_they_came(command: Command, known: Ledger):
    assert command("failed", "list").err == "no command has failed\n"
    put(known, *(letter(number) for number in range(1, 4)))
    listed = command("failed", "list", "--limit", "2")
    assert [line.split()[1] for line in listed.out.splitlines()[1:]] == ["c3", "c2"]
    assert listed.err == "2 of 3; older ones: --before 2\n"
    older = command("failed", "list", "--before", "2")
    assert [line.split()[1] for line in older.out.splitlines()[1:]] == ["c1"]
    shown = orjson.loads(command("failed", "show", "c2").out)
    assert (shown["chat"], shown["error"]) == ("chat_2", "no such chat")
    assert "no failed command 'c9'" in command("failed", "show", "c9").error


def test_letters_are_chosen_by_chat_and_by_sort(command: Command, known: Ledger):
    put(known, letter(1), letter(2, error_type="auth"), letter(3, chat="chat_1"))
    by_chat = command("failed", "list", "--chat", "chat_1").out
    assert [line.split()[1] for line in by_chat.splitlines()[1:]] == ["c3", "c1"]
    assert command("failed", "retry", "--error-type", "auth").out == "1 commands are asked for again\n"
    assert left(known) == ["r1", "r3"]
    assert "'nonsense' is not one of" in command("failed", "list", "--error-type", "nonsense").error


def test_what_is_retried_is_a_new_request_and_no_letter_any_more(command: Command, known: Ledger):
    put(known, letter(1), letter(2))
    assert command("failed", "retry", "c2").out == "1 commands are asked for again\n"
    assert asked(known) == [{"command": "fetch", "chat": "chat_2", "command_id": "c2"}]
    assert left(known) == ["r1"]
    assert "no failed command 'c2'" in command("failed", "retry", "c2").error
    assert command("failed", "retry").code == 2
    assert command("failed", "retry", "c1", "--all").code == 2


def test_a_letter_that_is_no_json_breaks_nothing(command: Command, known: Ledger):
    broken = {"letter": b'{"command": "fetch", \xff\x1b[31m', "command_id": None, "chat": None}
    put(known, letter(1, **broken), letter(2))
    assert command("failed", "list").code == 0
    assert "\x1b" not in command("failed", "show", "r1").out
    assert command("failed", "retry", "--all").out == "2 commands are asked for again\n"
    with known.read() as connection:
        kept = connection.execute(sa.select(requests.c.raw).order_by(requests.c.seq)).scalars().all()
    assert kept[0] == broken["letter"]


def test_any_number_of_letters_is_read_a_page_at_a_time(
    command: Command, known: Ledger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(failed, "PAGE", 10)
    put(known, *(letter(number) for number in range(1, 36)))
    listed = command("failed", "list", "--limit", "25")
    assert re.findall(r" (c\d+) ", listed.out) == [f"c{number}" for number in range(35, 10, -1)]
    assert listed.err == "25 of 35; older ones: --before 11\n"
    assert command("failed", "retry", "--chat", "chat_1").out == "1 commands are asked for again\n"
    assert command("failed", "retry", "--all").out == "34 commands are asked for again\n"
    assert [each["command_id"] for each in asked(known)[:3]] == ["c1", "c2", "c3"]


def test_dropping_many_asks_first(command: Command, known: Ledger):
    put(known, *(letter(number) for number in range(1, 4)))
    assert command("failed", "drop", "--all", stdin="\n").code == 1
    assert len(left(known)) == 3
    assert command("failed", "drop", "c1").out == "1 dead letters are gone\n"
    assert command("failed", "drop", "--all", "--yes").out == "2 dead letters are gone\n"
    assert left(known) == []


def test_days_that_were_given_up_are_named_and_opened_again(command: Command, known: Ledger):
    (Path("data") / "news").mkdir(parents=True)
    assert command("heal").err == "no day was given up\n"
    given_up = {"given_up_at": 5.0, "failed_rounds": 3, "error_type": "internal", "error": "it broke"}
    with known.write() as connection:
        days.put(connection, "news", date(2025, 11, 2), given_up)
        days.put(connection, "news", date(2025, 11, 3), {"settled": True, "fetched_at": 1.0})
        days.put(connection, "other", date(2025, 11, 4), given_up)
    assert command("heal", "--list").out.splitlines() == [
        "news 2025-11-02: it broke", "other 2025-11-04: it broke",
    ]  # fmt: skip
    healed = command("heal", "@news")
    assert healed.out == "1 days of 1 chats are open again\n"
    assert "tg-fetcher fetch news --incremental" in healed.err
    with known.read() as connection:
        found = connection.execute(sa.select(days_table.c.chat).where(days_table.c.given_up_at.is_not(None)))
        assert found.scalars().all() == ["other"]
    assert command("heal").out == "1 days of 1 chats are open again\n"
