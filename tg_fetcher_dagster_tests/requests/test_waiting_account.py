"""An account that waits is a trouble that lasts: said when it begins and when it ends, not at every tick."""

from collections.abc import Callable
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.ledger.conditions import standing_conditions
from tg_fetcher_dagster_tests.requests.office import Office

pytestmark = pytest.mark.ledger


def test_a_quarantine_is_two_lines_however_many_ticks_meet_it(
    office: Office, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    restrictions = Restrictions(office.ledger, office.rules.account)
    restrictions.quarantine("the session was revoked")
    for _ in range(5):
        office.tick()
    with office.ledger.read() as connection:
        [standing] = standing_conditions(connection)
    assert (standing.name, standing.count) == (f"account {office.rules.account}", 1)
    restrictions.signed_in(None)
    office.tick()
    told = [line["event"] for line in log_lines() if "trouble" in line]
    assert told == ["a trouble begins", "a trouble is over"]
    [quarantine] = [line for line in log_lines() if line["event"] == "account in quarantine"]
    assert (quarantine["error_type"], quarantine["level"]) == ("auth", "error")
    assert "sign" in quarantine["advice"]
