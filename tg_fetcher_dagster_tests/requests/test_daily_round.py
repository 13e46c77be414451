"""What the daily round asks for, and when a day is given up."""

import datetime as dt

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import day_rounds, days
from tg_fetcher_dagster.ledger.tables import chats as chats_table
from tg_fetcher_dagster.ledger.tables import days as days_table
from tg_fetcher_dagster.requests.batch_end import note_failure
from tg_fetcher_dagster.requests.daily_round import missing_days, plan_round
from tg_fetcher_dagster.requests.runs import RunStatus
from tg_fetcher_dagster_tests.requests.office import NOON, YESTERDAY, Office

START = dt.date(2025, 1, 1)
ONE_DAY = dt.timedelta(days=1)


def round_of(office, heal_days=14):
    return plan_round(office.ledger, ["ru_python"], YESTERDAY, heal_days, now=office.now, history_start=START)


def settle(office, *settled):
    with office.ledger.write() as connection:
        for day in settled:
            days.put(connection, "ru_python", day, {"settled": True})


def test_a_new_chat_is_asked_for_yesterday_alone(office: Office):
    assert round_of(office).days == {"ru_python": (YESTERDAY,)}
    assert round_of(office).days == {}, "twice is as good as once"


def test_gaps_since_the_first_day_are_asked_for_the_newest_first(office: Office):
    settle(office, YESTERDAY - 30 * ONE_DAY, YESTERDAY - 2 * ONE_DAY)
    found = round_of(office, heal_days=3).days["ru_python"]
    assert found == tuple(YESTERDAY - number * ONE_DAY for number in (4, 3, 1, 0))
    assert {row["priority"] for row in office.open_asks()} == {90}


def test_a_daemon_that_was_down_for_three_weeks_catches_up(office: Office):
    settle(office, YESTERDAY - 22 * ONE_DAY)
    asked = set()
    for _ in range(3):
        asked |= set(round_of(office).days.get("ru_python", ()))
        while batches := office.tick().start:
            for batch in batches:
                office.carries_out(batch)
        office.now += 86_400
    assert asked == {YESTERDAY - number * ONE_DAY for number in range(22)}


def test_three_rounds_that_fail_for_good_give_a_day_up_until_it_is_reopened(office: Office):
    for _ in range(3):
        round_of(office)
        (batch,) = office.tick().start
        office.begins(batch)
        with office.ledger.write() as connection:
            error = FetchError(ErrorType.INTERNAL, "an answer that nobody can read")
            note_failure(connection, batch.batch_id, "ru_python", YESTERDAY, error)
        office.ends(batch, RunStatus.FAILED)
        office.tick()
    assert round_of(office).days == {}
    (row,) = office.rows(days_table)
    assert (row["failed_rounds"], row["given_up_at"] is not None) == (3, True)
    with office.ledger.write() as connection:
        assert day_rounds.reopen(connection) == [("ru_python", YESTERDAY)]
    assert round_of(office).days == {"ru_python": (YESTERDAY,)}
    assert len(office.tick().start) == 1


def test_a_chat_that_cannot_be_read_is_asked_for_once_a_day(office: Office):
    with office.ledger.write() as connection:
        connection.execute(sa.update(chats_table).values(refused_type="no_access", ask_again_at=NOON + 100))
    settle(office, YESTERDAY - 5 * ONE_DAY)
    assert round_of(office).left_out == ("ru_python",)
    office.now += 200
    assert round_of(office).days == {"ru_python": (YESTERDAY,)}
    assert round_of(office).left_out == ("ru_python",)


day_numbers = st.integers(0, 60)


@given(
    first=day_numbers,
    over=st.sets(day_numbers),
    asked=st.sets(day_numbers),
    heal_days=st.integers(0, 20),
)
def test_a_round_is_bounded_and_asks_for_nothing_twice(first, over, asked, heal_days):
    def dates(numbers):
        return {YESTERDAY - number * ONE_DAY for number in numbers}

    oldest = YESTERDAY - first * ONE_DAY
    wanted = missing_days(YESTERDAY, first=oldest, heal_days=heal_days, over=dates(over), asked=dates(asked))
    assert len(wanted) <= heal_days + 1
    assert list(wanted) == sorted(set(wanted))
    assert not set(wanted) & (dates(over) | dates(asked))
    assert all(oldest <= day <= YESTERDAY for day in wanted)
    assert YESTERDAY in set(wanted) | dates(over) | dates(asked)
