"""From a command to its end: real ledger, runs that end as they are told."""

import dataclasses
import datetime as dt

import pytest

from tg_fetcher_dagster.accounts.pacing import LONGEST_WAIT
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import conditions, days
from tg_fetcher_dagster.ledger.accounts import put_floods
from tg_fetcher_dagster.ledger.tables import asks as asks_table
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster_tests.requests.office import NOON, TODAY, YESTERDAY, Office


def day(number):
    return dt.date(2025, 11, number)


def test_a_command_becomes_one_run_and_ends_with_it(office: Office):
    request = office.push(command_id="c1")
    (batch,) = office.tick().start
    assert (batch.chats, batch.days, batch.priority, batch.today) == (("ru_python",), (YESTERDAY,), 0, False)
    assert office.tick().start == [dataclasses.replace(batch)], "asked for again until its run exists"
    office.carries_out(batch)
    result = office.tick()
    assert (result.start, result.open_batches) == ([], 0)
    assert office.request(request)["state"] == "done"
    assert [event["command_ids"] for event in office.events()] == [["c1"]]


def test_today_is_read_by_a_run_of_its_own(office: Office):
    office.push(mode="today")
    (batch,) = office.tick().start
    assert (batch.today, batch.days) == (True, (TODAY,))


def test_neighbouring_days_of_commands_are_one_run_and_the_event_names_both(office: Office):
    office.push(date="2025-11-10", command_id="a")
    office.push(date="2025-11-11", command_id="b")
    office.push(date="2025-11-10", command_id="c")
    (batch,) = office.tick().start
    assert batch.days == (day(10), day(11))
    office.carries_out(batch)
    office.tick()
    assert [event["command_ids"] for event in office.events()] == [["a", "c"], ["b"]]


def test_a_long_range_is_cut_lazily_one_run_at_a_time(office: Office):
    office.push(**{"from": "2025-08-01", "to": "2025-10-31"})
    (first,) = office.tick().start
    assert len(first.days) == 31
    office.carries_out(first)
    (second,) = office.tick().start
    assert second.first == first.last + dt.timedelta(days=1)


def test_per_day_is_a_run_a_day_unless_others_ask_for_the_same_stretch(office: Office):
    office.push(days=3, strategy="per_day")
    (batch,) = office.tick().start
    assert (batch.days, batch.strategy) == ((day(11),), "per_day")
    office.push(date="2025-11-14", mode="date")
    office.carries_out(batch)
    office.push(date="2025-11-13")
    (batch,) = office.tick().start
    assert batch.days == (day(12), day(13))


def test_a_complete_day_is_answered_at_once_without_a_run(office: Office):
    with office.ledger.write() as connection:
        days.put(connection, "ru_python", day(12), {"settled": True, "checksum_sha256": "a" * 64})
    request = office.push(days=2, command_id="c1")
    (batch,) = office.tick().start
    assert batch.days == (YESTERDAY,)
    (event,) = office.events()
    assert (event["event"], event["reason"], event["date"]) == ("fetch_skipped", "complete", "2025-11-12")
    assert event["checksum_actual"] == "a" * 64
    assert office.request(request)["state"] == "planned"


def test_force_is_never_swallowed(office: Office):
    office.push(command_id="first")
    (batch,) = office.tick().start
    office.begins(batch)
    office.push(command_id="forced", force=True)
    assert office.tick().start == [], "the chat is read by one run at a time"
    office.fetches(batch)
    office.ends(batch)
    (again,) = office.tick().start
    assert again.force
    office.carries_out(again)
    office.tick()
    assert [event["command_ids"] for event in office.events()] == [["first"], ["forced"]]


def test_a_forced_run_answers_those_who_asked_without_force(office: Office):
    office.push(command_id="forced", force=True)
    office.push(command_id="plain")
    (batch,) = office.tick().start
    assert batch.force
    office.carries_out(batch)
    office.tick()
    assert [event["command_ids"] for event in office.events()] == [["forced", "plain"]]
    assert office.open_asks() == []


def test_a_day_in_flight_is_joined(office: Office):
    office.push(command_id="a")
    (batch,) = office.tick().start
    office.begins(batch)
    office.push(command_id="b")
    assert office.tick().start == []
    office.fetches(batch)
    office.ends(batch)
    office.tick()
    assert [event["command_ids"] for event in office.events()] == [["a", "b"]]


def test_a_small_ask_is_not_held_by_backfills(office: Office):
    office.knows(*(f"chat_nr{number}" for number in range(8)))
    for number in range(7):
        office.push(f"@chat_nr{number}", mode="full")
    assert len(office.tick().start) == 4
    office.push("@chat_nr7")
    (_, *started) = sorted(office.tick().start, key=lambda batch: batch.priority)
    assert office.tick().start[0].chats == ("chat_nr7",) or any(b.chats == ("chat_nr7",) for b in started)


def test_a_refused_command_is_told_and_dead_lettered(office: Office):
    request = office.push(raw=b"{no json")
    result = office.tick()
    assert office.request(request)["state"] == "refused"
    (event,) = office.events()
    assert (event["event"], event["error_type"], event["chat"]) == ("fetch_failed", "validation", None)
    (letter,) = office.letters()
    assert letter["raw"] == "{no json"
    assert result.told == 1


def test_five_thousand_refused_days_are_told_and_leave_one_letter(office: Office):
    office.push(**{"from": "2011-01-01", "to": "2024-09-08"})
    office.tick()
    assert len(office.events()) == 5000
    assert len(office.letters()) == 1


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=600), "waits"),
        (FetchError(ErrorType.AUTH, "quarantined"), "waits"),
        (FetchError(ErrorType.NETWORK, "the account is busy", retry_after=150), "waits"),
        (FetchError(ErrorType.STORAGE, "disk full"), "waits"),
        (FetchError(ErrorType.NETWORK, "lost"), "again"),
        (FetchError(ErrorType.NO_ACCESS, "may not read"), "failed"),
    ],
)
def test_what_a_run_leaves_is_sorted_by_its_reason(office: Office, monkeypatch, error, what):
    monkeypatch.setattr("time.time", lambda: office.now)
    request = office.push(command_id="c1")
    (batch,) = office.tick().start
    office.begins(batch)
    with office.ledger.write() as connection:
        note_failure(connection, batch.batch_id, "ru_python", YESTERDAY, error)
    office.ends(batch, RunStatus.FAILED)
    result = office.tick()
    assert result.start == []
    if what == "failed":
        assert office.request(request)["state"] == "failed"
        assert [event["event"] for event in office.events()] == ["fetch_failed"]
        assert office.letters()[0]["error_type"] == "no_access"
        return
    (ask,) = office.open_asks()
    assert (ask["tries"], ask["waits"]) == ((0, 1) if what == "waits" else (1, 0))
    if error.retry_after:
        assert ask["wait_until"] == office.now + error.retry_after
    assert office.events() == []
    office.now = ask["wait_until"] + 1
    (again,) = office.tick().start
    assert again.batch_id != batch.batch_id
    office.carries_out(again)
    office.tick()
    assert office.request(request)["state"] == "done"


def test_a_worker_that_dies_on_a_day_is_tried_so_often_and_then_given_up(office: Office):
    request = office.push()
    for _ in range(3):
        (batch,) = office.tick().start
        office.begins(batch)
        office.ends(batch, RunStatus.FAILED, died=True)
        office.tick()
        office.now += 10_000
    assert office.tick().start == []
    assert office.request(request)["state"] == "failed"
    (event,) = office.events()
    assert "3 times" in event["error"]


def test_a_run_that_never_began_uses_up_no_try(office: Office):
    office.push()
    for _ in range(10):
        (batch,) = office.tick().start
        office.ends(batch, RunStatus.FAILED, died=True)
        office.tick()
        office.now += 10_000
    (ask,) = office.open_asks()
    assert ask["tries"] == 0
    assert office.events() == []


def test_a_run_that_nowhere_appears_is_asked_for_anew_under_another_key(office: Office):
    office.push()
    (batch,) = office.tick().start
    office.now += 301
    office.tick()
    office.now += 10
    (again,) = office.tick().start
    assert again.batch_id != batch.batch_id


def test_a_cancelled_run_ends_its_days_as_cancelled(office: Office):
    request = office.push()
    (batch,) = office.tick().start
    office.begins(batch)
    office.ends(batch, RunStatus.CANCELED)
    office.tick()
    assert office.request(request)["state"] == "cancelled"
    (event,) = office.events()
    assert event["error_type"] == "cancelled"
    assert office.letters() == []


def test_no_run_is_asked_for_while_telegram_is_away(office: Office, monkeypatch):
    monkeypatch.setattr("time.time", lambda: office.now)
    with office.ledger.write() as connection:
        conditions.condition_begins(connection, "telegram", "no route", until=office.now + 300)
    office.push()
    result = office.tick()
    assert result.start == []
    assert result.wait is not None
    assert result.wait.until == NOON + 300
    office.now += 301
    assert len(office.tick().start) == 1


@pytest.mark.parametrize(
    ("floods", "until"),
    [
        ('{"messages.getHistory": 1763122200}', 1763122200.0),
        ('{"*": 1e15, "messages.getReplies": "soon"}', NOON + LONGEST_WAIT),
    ],
)
def test_no_run_is_asked_for_while_it_could_not_read(office: Office, floods: str, until: float):
    with office.ledger.write() as connection:
        put_floods(connection, office.rules.account, floods)
    office.push()
    result = office.tick()
    assert result.start == []
    assert result.wait is not None
    assert result.wait.until == until


def test_a_method_that_rests_and_no_run_needs_holds_none_up(office: Office):
    with office.ledger.write() as connection:
        put_floods(connection, office.rules.account, '{"messages.getReplies": 1763122200}')
    office.push()
    assert len(office.tick().start) == 1


def test_unknown_chats_are_resolved_by_one_run_and_then_planned(office: Office):
    office.push("@some_chat")
    office.push("@other_chat", command_id="o")
    (resolve,) = office.tick().resolve
    assert resolve.spellings == ("some_chat", "other_chat")
    assert office.tick().resolve == [resolve], "asked for again until its run exists"
    office.resolves(resolve, known=("some_chat",), error=FetchError(ErrorType.NOT_FOUND, "nobody has it"))
    result = office.tick()
    assert [batch.chats for batch in result.start] == [("some_chat",)]
    (event,) = office.events()
    assert (event["chat"], event["date"], event["command_ids"]) == ("other_chat", "2025-11-13", ["o"])


def test_resolving_waits_for_a_flood_and_uses_up_no_try(office: Office):
    office.push("@some_chat")
    (resolve,) = office.tick().resolve
    office.resolves(resolve, error=FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=500))
    assert office.tick().resolve == []
    office.now += 501
    (again,) = office.tick().resolve
    assert again.run_key != resolve.run_key


def test_over_the_limit_commands_wait_in_order_and_none_is_lost(office: Office, monkeypatch):
    monkeypatch.setattr("time.time", lambda: office.now)
    office.rules = dataclasses.replace(office.rules, commands_a_minute=2)
    asked = [office.push(date=f"2025-10-{number:02d}", requested_by="eager") for number in range(1, 6)]
    result = office.tick()
    assert [office.request(each)["state"] for each in asked] == ["planned"] * 2 + ["waiting"] * 3
    assert any("eager" in note for note in result.notes)
    office.now += 61
    later = office.push(date="2025-10-20", requested_by="eager")
    office.tick()
    assert [office.request(each)["state"] for each in asked] == ["planned"] * 4 + ["waiting"]
    assert office.request(later)["state"] == "waiting"


def test_chats_allowed_keeps_others_out(office: Office):
    office.rules = dataclasses.replace(office.rules, chats_allowed=frozenset({"ru_python"}))
    office.push("@some_chat")
    office.push("https://t.me/ru_python")
    result = office.tick()
    assert (len(result.start), result.resolve) == (1, [])
    assert "CHATS_ALLOWED" in office.events()[0]["error"]


def test_the_schedules_day_of_neighbouring_chats_is_one_rectangle(office: Office):
    from tg_fetcher_dagster.requests.asking import NewRequest, ask

    office.knows("aaaaa", "bbbbb", "ccccc", "ddddd")
    with office.ledger.write() as connection:
        for chat in ("aaaaa", "bbbbb", "ddddd"):
            ask(connection, NewRequest(source="schedule", days={chat: [YESTERDAY]}), now=office.now)
    started = office.tick().start
    assert sorted(batch.chats for batch in started) == [("aaaaa", "bbbbb"), ("ddddd",)]


def test_a_tick_asks_for_all_runs_at_once(office: Office):
    office.knows("aaaaa", "bbbbb", "ccccc")
    for chat in office.order:
        office.push(chat)
    office.push("@unknown_one")
    office.tick()
    office.lookups = 0
    office.tick()
    assert office.lookups == 1


def test_a_broken_row_spoils_no_other_command(office: Office, monkeypatch):
    from tg_fetcher_dagster.requests import decisions

    real = decisions.plan_days

    def poisoned(connection, wanted, **values):
        if any(each.command_id == "poison" for each in wanted):
            raise ZeroDivisionError("poison")
        return real(connection, wanted, **values)

    monkeypatch.setattr(decisions, "plan_days", poisoned)
    office.push(date="2025-11-01")
    bad = office.push(date="2025-11-02", command_id="poison")
    office.push(date="2025-11-03")
    office.tick()
    assert office.request(bad)["state"] == "refused"
    assert len(office.open_asks()) == 2


def test_a_complete_day_whose_file_is_gone_is_asked_for(office: Office, tmp_path):
    from tg_fetcher_dagster.storage.paths import Store

    store = Store(tmp_path, "UTC")
    office.rules = dataclasses.replace(office.rules, store=store)
    with office.ledger.write() as connection:
        for number in (11, 12):
            days.put(connection, "ru_python", day(number), {"settled": True, "fetched_at": office.now})
    there = store.day("ru_python", day(11)).day_file
    there.parent.mkdir()
    there.write_text("{}")
    office.push(**{"from": "2025-11-11", "to": "2025-11-12"})
    (batch,) = office.tick().start
    assert batch.days == (day(12),)
    assert [event["date"] for event in office.events()] == ["2025-11-11"]


def test_telegram_that_is_away_is_looked_at_by_one_run_at_a_time_and_ever_less_often(
    office: Office, monkeypatch
):
    monkeypatch.setattr("time.time", lambda: office.now)
    office.knows("aaaaa", "bbbbb")
    for chat in office.order:
        office.push(chat)
    away = FetchError(ErrorType.TELEGRAM_AWAY, "no route")
    waits = []
    for _ in range(3):
        started = office.tick().start
        for batch in started:
            office.begins(batch)
            office.ends(batch, RunStatus.FAILED, error=away)
        wait = office.tick().wait or office.tick().wait
        waits.append((len(started), wait.until - office.now))
        office.now = wait.until + 1
    assert [started for started, _ in waits] == [3, 1, 1]
    assert waits[0][1] < waits[1][1] < waits[2][1]
    while started := office.tick().start:
        for batch in started:
            office.carries_out(batch)
        office.now += 1000
    assert office.open_asks() == []
    assert {row["tries"] for row in office.rows(asks_table)} == {0}


def test_what_ended_a_month_ago_is_forgotten_and_what_is_open_stays(office: Office, monkeypatch):
    monkeypatch.setattr("time.time", lambda: office.now)
    from tg_fetcher_dagster.ledger.tables import batches, requests

    old = office.push(mode="today")
    (batch,) = office.tick().start
    office.carries_out(batch)
    still_open = office.push(date="2025-11-01")
    (waiting,) = office.tick().start
    office.begins(waiting)
    office.now += 31 * 86_400
    office.tick()
    assert [row["request_id"] for row in office.rows(requests)] == [still_open] != [old]
    assert len(office.rows(batches)) == 1
    assert len(office.rows(asks_table)) == 1
