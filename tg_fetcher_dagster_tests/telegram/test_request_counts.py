"""Every request is counted in the ledger, by the account and the method, whoever asks for it."""

from collections import Counter
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.metrics.counted import (
    FLOOD_SECONDS,
    FLOODS,
    PACE_SECONDS,
    RETRIES,
    TELEGRAM_REQUEST_SECONDS,
    TELEGRAM_REQUESTS,
)
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.login import import_session, sign_in_with_code
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.counting import PassingTime
from tg_fetcher_dagster_tests.measured import series_of

HISTORY = "messages.getHistory"


def counted_in(settings: Settings, name: str) -> dict[tuple[str, ...], float]:
    with Ledger.open(settings.ledger_location) as ledger:
        return series_of(ledger, name)


def heard_by(sandbox: Any) -> dict[tuple[str, ...], float]:
    return dict(Counter(("main", record["method"]) for record in sandbox.requests))


@pytest.mark.usefixtures("account")
async def test_what_is_counted_is_what_telegram_has_heard(
    sandbox: Any, settings: Settings, passing_time: PassingTime
) -> None:
    for error in ("FLOOD_WAIT_5", "RPC_CALL_FAIL", "FLOOD_WAIT_7"):
        sandbox.add_fault(method=HISTORY, error=error, times=1)

    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        assert await reader.first_message_date(identity) is not None
        assert counted_in(settings, TELEGRAM_REQUESTS.name) == {}, "it is kept at the end"

    assert heard_by(sandbox)["main", HISTORY] == 4
    assert counted_in(settings, TELEGRAM_REQUESTS.name) == heard_by(sandbox)
    assert counted_in(settings, FLOODS.name) == {("main", HISTORY): 2}
    assert counted_in(settings, FLOOD_SECONDS.name) == {("main", HISTORY): 12}
    assert counted_in(settings, RETRIES.name) == {("request",): 3}


@pytest.mark.usefixtures("account")
async def test_the_wait_for_the_pace_is_told_from_the_wait_for_answers(
    settings: Settings, passing_time: PassingTime
) -> None:
    slow = settings.model_copy(update={"rate_limit_calls_per_sec": 0.5})
    async with open_reader(slow, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        while reader.requests_made < 18:
            await reader.first_message_date(identity)

    assert counted_in(settings, PACE_SECONDS.name) == {("main",): 3 * 2.0}
    assert counted_in(settings, TELEGRAM_REQUEST_SECONDS.name) == {}, "no time passed but by waiting"


async def test_a_session_that_somebody_brings_is_counted_also_where_it_is_refused(
    sandbox: Any, settings: Settings
) -> None:
    await import_session(settings, account="main", session=sandbox.session)
    assert counted_in(settings, TELEGRAM_REQUESTS.name) == heard_by(sandbox)
    sandbox.add_fault(method="users.getUsers", error="SESSION_REVOKED", code=401)

    with pytest.raises(FetchError):
        await import_session(settings, account="main", session=sandbox.session)

    assert counted_in(settings, TELEGRAM_REQUESTS.name) == heard_by(sandbox)
    assert heard_by(sandbox)["main", "users.getUsers"] == 2


async def test_signing_in_counts_what_was_asked(sandbox: Any, settings: Settings, tmp_path: Any) -> None:
    key = tmp_path / "server.pem"
    key.write_text(sandbox.public_key)
    door = settings.model_copy(
        update={"telegram_dc": f"2:localhost:{sandbox.port}", "telegram_dc_public_key": key}
    )

    await sign_in_with_code(
        door,
        account="main",
        phone="+15550001001",
        ask_code=lambda _hint: "12345",
        ask_password=lambda _hint: pytest.fail("there is none"),
    )

    counted = counted_in(settings, TELEGRAM_REQUESTS.name)
    assert counted["main", "auth.sendCode"] == counted["main", "auth.signIn"] == 1


def test_what_a_ledger_refuses_is_kept_the_next_time(ledger: Ledger) -> None:
    counts = RequestCounts()
    counts.sent("main", HISTORY)

    def refuse() -> None:
        with counts.handed_over() as found:
            assert found
            counts.sent("main", HISTORY)
            raise FetchError(ErrorType.STORAGE, "the ledger is away")

    with pytest.raises(FetchError):
        refuse()
    counts.keep(ledger)
    counts.keep(ledger)

    assert series_of(ledger, TELEGRAM_REQUESTS.name) == {("main", HISTORY): 2}
