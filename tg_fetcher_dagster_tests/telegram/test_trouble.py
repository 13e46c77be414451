"""What Telegram and the network do to a reader, and what it does about it."""

from contextlib import aclosing
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.pacing import FloodDeadlines
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram import link
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.counting import Counted, PassingTime
from tg_fetcher_dagster_tests.telegram.conftest import day_bounds, methods

pytestmark = pytest.mark.usefixtures("counted")


async def ids_of(reader: TelegramReader, day: str = "2025-11-06", days: int = 3) -> list[int]:
    identity = await reader.resolve(parse_spelling("@busy_talk"))
    start, end = day_bounds(day, days)
    async with aclosing(reader.history(identity, start, end)) as pages:
        return [each.id async for page in pages for each in page.messages if start <= each.date < end]


def true_ids(sandbox: Any) -> list[int]:
    days = sandbox.truth()["chats"]["talk"]["days"]
    return [
        message["id"]
        for day in ("2025-11-08", "2025-11-07", "2025-11-06")
        for message in days[day]["messages"]
    ]


@pytest.mark.parametrize("cut", [True, 100])
async def test_a_connection_cut_in_mid_packet_loses_and_doubles_nothing(
    sandbox: Any, settings: Settings, account: AccountStore, cut: Any
) -> None:
    sandbox.add_fault(method="messages.getHistory", cut=cut, every=2)
    async with open_reader(settings) as reader:
        assert await ids_of(reader) == true_ids(sandbox)


async def test_a_server_that_restarts_in_mid_walk_loses_and_doubles_nothing(
    sandbox: Any, settings: Settings, account: AccountStore, counted: Counted
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        found = []
        start, end = day_bounds("2025-11-06", 3)
        async with aclosing(reader.history(identity, start, end)) as pages:
            async for page in pages:
                found += [each.id for each in page.messages if start <= each.date < end]
                sandbox.restart()
                counted.unheard += 1  # the next page's request was on its way
    assert found == true_ids(sandbox)


async def test_trouble_of_the_servers_is_tried_again(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="RPC_CALL_FAIL", code=500, after=1, times=1)
    sandbox.add_fault(method="messages.getHistory", error="SOMETHING_INTERNAL", code=500, after=2, times=1)
    async with open_reader(settings) as reader:
        assert await ids_of(reader) == true_ids(sandbox)


async def test_trouble_that_stays_is_a_network_failure_after_three_tries(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="SOMETHING_INTERNAL", code=500)
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError, match=r"chat busy_talk: .*SOMETHING_INTERNAL") as failure:
            await ids_of(reader)
    assert failure.value.error_type is ErrorType.NETWORK
    assert len(methods(sandbox, "messages.getHistory")) == 3


async def test_an_answer_that_never_comes_is_a_network_failure(
    sandbox: Any, settings: Settings, account: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        sandbox.add_fault(method="messages.getHistory", silence=True)
        monkeypatch.setattr(link, "ANSWER_SECONDS", 0.01)  # what is answered in time is over by now
        with pytest.raises(FetchError, match="no answer in time") as failure:
            [page async for page in reader.history(identity, *day_bounds("2025-11-07"))]
    assert failure.value.error_type is ErrorType.NETWORK


async def test_telegram_gone_is_one_clear_line(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.pause()
    with pytest.raises(
        FetchError,
        match=rf"account main: Telegram at 127\.0\.0\.1:{sandbox.port} cannot be reached: ",
    ) as failure:
        async with open_reader(settings):
            pytest.fail("there is no server")
    assert failure.value.error_type is ErrorType.TELEGRAM_AWAY


async def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(
    sandbox: Any, settings: Settings, account: AccountStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CONNECT_SECONDS", 0.2)
    sandbox.add_fault(silence=True)
    with pytest.raises(FetchError, match="no answer in time") as failure:
        async with open_reader(settings):
            pytest.fail("the server said nothing")
    assert failure.value.error_type is ErrorType.NETWORK


async def test_a_short_flood_wait_is_waited_out_and_the_walk_goes_on(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="FLOOD_WAIT_50", after=2, times=1)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        assert await ids_of(reader) == true_ids(sandbox)
    assert [seconds >= 50 for seconds in passing_time.slept] == [True]
    refused = [record for record in methods(sandbox, "messages.getHistory") if record["error"]]
    assert len(refused) == 1


async def test_a_long_flood_wait_gives_the_slot_back_and_holds_for_the_next_process(
    sandbox: Any, settings: Settings, account: AccountStore, restrictions: Restrictions
) -> None:
    sandbox.add_fault(method="messages.getHistory", flood_wait=3600, after=2)
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError, match=r"wait 3\d\d\d s before messages.getHistory") as failure:
            await ids_of(reader)
    assert failure.value.error_type is ErrorType.RATE_LIMIT
    assert failure.value.retry_after == pytest.approx(3600, abs=600)
    assert failure.value.retry_at is not None

    asked = len(methods(sandbox, "messages.getHistory"))
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("channel_7002"))  # other methods go on
        with pytest.raises(FetchError, match=r"before messages\.getHistory"):
            [page async for page in reader.history(identity, *day_bounds("2025-11-07"))]
    assert len(methods(sandbox, "messages.getHistory")) == asked
    assert FloodDeadlines(restrictions).remaining("messages.getHistory") > 3500


async def test_flood_waits_that_follow_each_other_do_not_hang_the_run(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="FLOOD_WAIT_50")
    async with open_reader(settings, timing=passing_time.timing) as reader:
        with pytest.raises(FetchError) as failure:
            await ids_of(reader)
    assert failure.value.error_type is ErrorType.RATE_LIMIT
    assert len(methods(sandbox, "messages.getHistory")) == 3, "120 s hold two waits of 50"


async def test_a_premium_flood_wait_is_a_flood_wait(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="FLOOD_PREMIUM_WAIT_900", code=420)
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError) as failure:
            await ids_of(reader)
    assert failure.value.error_type is ErrorType.RATE_LIMIT


@pytest.mark.parametrize(
    "error",
    [
        "AUTH_KEY_UNREGISTERED",
        "SESSION_REVOKED",
        "USER_DEACTIVATED_BAN",
        "AUTH_KEY_DUPLICATED",
        "FROZEN_METHOD_INVALID",
        "FROZEN_PARTICIPANT_MISSING",
    ],
)
async def test_an_account_that_telegram_refuses_goes_into_quarantine_at_once(
    sandbox: Any, settings: Settings, account: AccountStore, error: str
) -> None:
    sandbox.add_fault(method="messages.getHistory", error=error, after=1)
    async with open_reader(settings) as reader:
        for _ in range(2):  # the run's next chat is not asked for
            with pytest.raises(FetchError, match=f"account main: .*{error}") as failure:
                await ids_of(reader)
            assert failure.value.error_type is ErrorType.AUTH
    assert len([record for record in methods(sandbox, "messages.getHistory") if record["error"]]) == 1

    seen = len(sandbox.requests)
    with pytest.raises(FetchError, match=f"quarantine .*{error}"):
        async with open_reader(settings):
            pytest.fail("a quarantined account was used")
    assert len(sandbox.requests) == seen


@pytest.mark.parametrize("error", ["AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "AUTH_KEY_DUPLICATED"])
async def test_a_session_that_is_refused_at_the_door_goes_into_quarantine_too(
    sandbox: Any, settings: Settings, account: AccountStore, restrictions: Restrictions, error: str
) -> None:
    sandbox.add_fault(error=error)
    with pytest.raises(FetchError, match=error) as failure:
        async with open_reader(settings):
            pytest.fail("the session is refused")
    assert failure.value.error_type is ErrorType.AUTH
    assert restrictions.quarantined() is not None


async def test_a_second_reader_waits_for_the_account_and_says_who_has_it(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings):
        with pytest.raises(FetchError, match="main is in use by process") as failure:
            async with open_reader(settings, lease_wait=0):
                pytest.fail("two readers share a session")
    assert failure.value.retryable
    async with open_reader(settings, lease_wait=0) as reader:
        assert reader.user_id is not None


async def test_telegrams_own_servers_need_an_api_id(settings: Settings) -> None:
    from telethon.crypto import AuthKey
    from telethon.sessions import StringSession

    session = StringSession()
    session.set_dc(2, "149.154.167.51", 443)
    session.auth_key = AuthKey(bytes(range(256)))
    AccountStore(settings.session_dir).save("main", session.save())

    with pytest.raises(FetchError, match=r"TELEGRAM_API_ID.*my\.telegram\.org") as failure:
        async with open_reader(settings):
            pytest.fail("it connected to Telegram")
    assert failure.value.error_type is ErrorType.VALIDATION
