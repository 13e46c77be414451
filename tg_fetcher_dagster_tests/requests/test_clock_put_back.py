"""A clock that was ahead and was put back: what it has written holds nothing up until it is there again."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.conditions import condition_begins
from tg_fetcher_dagster.ledger.tables import asks, requests
from tg_fetcher_dagster.requests.retrying import LONGEST_FLOOD
from tg_fetcher_dagster.requests.waiting import TELEGRAM_AWAY
from tg_fetcher_dagster_tests.requests.office import Office

YEAR = 365 * 86_400.0
DAY = 86_400.0


def until(office: Office, table: sa.Table, seconds: float) -> None:
    with office.ledger.write() as connection:
        connection.execute(sa.update(table).values(wait_until=office.now + seconds))


@pytest.mark.parametrize(("seconds", "starts"), [(YEAR, 2), (DAY, 0)])
def test_days_that_wait_for_longer_than_anything_may_are_begun(office: Office, seconds, starts):
    office.push(date="2025-11-01")
    office.knows("aaaaa")
    office.push("@aaaaa", date="2025-11-01", force=True)
    office.rules = replace(Office.rules, runs_ahead=0)
    office.tick()
    until(office, asks, seconds)
    office.rules = Office.rules
    assert len(office.tick().start) == starts


@pytest.mark.parametrize("state", ["waiting", "unresolved"])
def test_commands_that_wait_for_longer_than_anything_may_are_taken_up(office: Office, state):
    office.push("@nobody_here" if state == "unresolved" else "@ru_python", command_id="a")
    with office.ledger.write() as connection:
        connection.execute(sa.update(requests).values(state=state, spelling="nobody_here"))
    until(office, requests, YEAR)
    result = office.tick()
    assert len(result.resolve if state == "unresolved" else result.start) == 1


@pytest.mark.parametrize(("seconds", "starts"), [(YEAR, 1), (600, 0)])
def test_telegram_that_is_away_for_longer_than_anybody_waits_is_looked_at(office: Office, seconds, starts):
    office.push()
    with office.ledger.write() as connection:
        condition_begins(connection, TELEGRAM_AWAY, "no route", until=office.now + seconds)
    assert len(office.tick().start) == starts


def test_a_chat_that_cannot_be_resolved_for_a_year_is_tried_again_sooner(office: Office):
    request = office.push("@nobody_here")
    (resolve,) = office.tick().resolve
    office.resolves(resolve, error=FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=YEAR))
    office.tick()
    assert office.request(request)["wait_until"] == pytest.approx(office.now + LONGEST_FLOOD)
