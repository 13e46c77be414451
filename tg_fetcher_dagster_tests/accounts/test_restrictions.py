"""What keeps an account from being used, and what is waited for."""

import pytest
import structlog

from tg_fetcher_dagster.accounts.pacing import ANYTHING, LONGEST_WAIT, FloodDeadlines
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.waiting import account_waits, rests
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.accounts import put_floods
from tg_fetcher_dagster.ledger.database import Ledger

NOW = 1_762_500_000.0


def note(ledger: Ledger, method: str, seconds: float, *, account: str = "main") -> None:
    floods = FloodDeadlines(Restrictions(ledger, account), clock=lambda: NOW, jitter=lambda *_: 0.0)
    floods.note(method, seconds)


def test_an_account_in_quarantine_is_not_used_until_somebody_signs_in(ledger: Ledger) -> None:
    account = Restrictions(ledger, "main")
    account.require_usable()

    account.quarantine("the session was ended from another device")

    with pytest.raises(FetchError, match=r"quarantine.*another device.*sign in again") as failure:
        Restrictions(ledger, "main").require_usable()
    assert failure.value.error_type is ErrorType.AUTH
    Restrictions(ledger, "second").require_usable()
    account.signed_in(7)
    account.require_usable()


def test_a_quarantine_that_cannot_be_kept_raises_nothing(ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql("DROP TABLE accounts")
    with structlog.testing.capture_logs() as said:
        Restrictions(ledger, "main").quarantine("banned")
    assert [line["event"] for line in said] == ["not kept", "account in quarantine"]


def test_the_same_user_keeps_its_deadlines_and_another_one_has_none(ledger: Ledger) -> None:
    account = Restrictions(ledger, "main")
    account.signed_in(7)
    note(ledger, "messages.getHistory", 3600)
    account.signed_in(7)
    assert rests(ledger, "main", NOW) == {"messages.getHistory": NOW + 3600}
    account.signed_in(8)
    assert rests(ledger, "main", NOW) == {}


def test_a_removed_account_has_no_restrictions(ledger: Ledger) -> None:
    account = Restrictions(ledger, "main")
    account.quarantine("banned")
    note(ledger, "messages.getHistory", 3600)
    account.forget()
    assert account.quarantined() is None
    assert rests(ledger, "main", NOW) == {}


def test_a_run_waits_for_what_it_asks_for_and_for_nothing_else(ledger: Ledger) -> None:
    assert account_waits(ledger, "main", NOW) is None
    note(ledger, "contacts.resolveUsername", 80_000)
    note(ledger, "messages.getHistory", 500)
    note(ledger, "messages.getReplies", 900)

    wait = account_waits(ledger, "main", NOW)

    assert wait is not None
    assert wait.until == NOW + 500
    assert (
        wait.why
        == "account main waits until 2025-11-07 07:28:20 UTC: Telegram's flood wait of messages.getHistory"
    )
    assert account_waits(ledger, "main", NOW + 500) is None
    assert account_waits(ledger, "second", NOW) is None
    note(ledger, ANYTHING, 700)
    whole = account_waits(ledger, "main", NOW)
    assert whole is not None
    assert whole.until == NOW + 700

    Restrictions(ledger, "main").quarantine("banned")
    quarantine = account_waits(ledger, "main", NOW)
    assert quarantine is not None
    assert quarantine.until is None
    assert quarantine.why == "account main is in quarantine: banned"


def test_absurd_deadlines_are_waited_for_a_week_at_most(ledger: Ledger) -> None:
    with ledger.write() as connection:
        put_floods(connection, "main", '{"messages.getHistory": 1e15, "users.getUsers": "soon"}')
    wait = account_waits(ledger, "main", NOW)
    assert wait is not None
    assert wait.until == NOW + LONGEST_WAIT
