"""Whether an account can be used, by what is kept of it."""

from collections.abc import Collection

import orjson
import pytest

from tg_fetcher_dagster.ledger.attempts import UnderWay
from tg_fetcher_dagster.ledger.monitored import AccountKnown
from tg_fetcher_dagster.metrics import shown
from tg_fetcher_dagster.monitoring.accounts_shown import AccountShown, account_gauges, accounts_shown

AT = 1_762_516_800.0


def known(
    name: str, *, user_id: int | None = 1, quarantine: str | None = None, **floods: float
) -> AccountKnown:
    kept = orjson.dumps({method.replace("_", "."): until for method, until in floods.items()}).decode()
    return AccountKnown(name=name, user_id=user_id, quarantine_reason=quarantine, floods=kept)


def seen(*rows: AccountKnown, sessions: Collection[str] | None = ("main",)) -> list[AccountShown]:
    return accounts_shown(rows, sessions=sessions, configured="main", at=AT)


def test_an_account_of_which_nothing_is_known_is_ready_when_it_is_kept() -> None:
    assert seen() == [AccountShown(name="main", state="ready")]
    assert seen(sessions=()) == [AccountShown(name="main", state="signed_out")]


def test_who_does_not_see_the_sessions_goes_by_who_signed_in() -> None:
    assert seen(sessions=None) == [AccountShown(name="main", state="signed_out")]
    assert seen(known("main"), sessions=None) == [AccountShown(name="main", state="ready")]


def test_a_quarantine_counts_for_more_than_all_else() -> None:
    [account] = seen(known("main", quarantine="the session was ended", messages_getHistory=AT + 60))
    assert (account.state, account.why) == ("quarantined", "the session was ended")


@pytest.mark.parametrize(
    ("floods", "state", "free_at"),
    [
        ({"messages_getHistory": AT + 60, "users_getUsers": AT + 90}, "resting", AT + 90),
        ({"messages_getHistory": AT - 1}, "ready", None),
        ({"messages_getReplies": AT + 60}, "ready", None),
    ],
)
def test_an_account_rests_while_what_every_run_needs_rests(
    floods: dict[str, float], state: str, free_at: float | None
) -> None:
    assert seen(known("main", **floods)) == [AccountShown(name="main", state=state, free_at=free_at)]


def test_each_account_is_counted_in_its_state_and_shown_in_it() -> None:
    accounts = [
        AccountShown(name="a", state="resting", free_at=AT + 30),
        AccountShown(name="b", state="ready"),
    ]
    under_way = [
        UnderWay(host=host, account="b", runs=1, heard_of_at=AT - age) for host, age in (("h", 3), ("i", 8))
    ]
    gauges = account_gauges(accounts, under_way, pace=1.5, at=AT)
    found = {(each.metric.name, *each.labels): each.value for each in gauges}
    assert found[shown.ACCOUNTS.name, "resting"] == found[shown.ACCOUNTS.name, "ready"] == 1
    assert found[shown.ACCOUNTS.name, "quarantined"] == 0
    assert found[shown.ACCOUNT_STATE.name, "a", "resting"] == 1
    assert found[shown.ACCOUNT_STATE.name, "a", "ready"] == 0
    assert found[shown.ACCOUNT_FREE_IN.name, "a"] == 30
    assert found[shown.ACCOUNT_FREE_IN.name, "b"] == 0
    assert found[shown.LEASE_AGE.name, "b"] == 8
    assert found[shown.LEASE_AGE.name, "a"] == 0
    assert found[shown.PACE.name, "a"] == 1.5
