"""Connections that break: few requests, longer pauses, a clear end, and no good account is put aside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from telethon.network import MTProtoSender

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram import connections, link
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.counting import Counted, PassingTime
from tg_fetcher_dagster_tests.telegram.conftest import day_bounds, methods
from tg_fetcher_dagster_tests.waiting import until
from tg_fetcher_sandbox import sessions

pytestmark = pytest.mark.usefixtures("counted")

RESOLVED = {"contacts.resolveUsername": 1, "channels.getFullChannel": 1}


@pytest.fixture(autouse=True)
def _real_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are as long as they are: time is passed in, nobody waits for it."""
    monkeypatch.setattr(connections, "BACKOFF_SECONDS", 1.0)


@pytest.fixture
async def reader(
    settings: Settings, account: AccountStore, passing_time: PassingTime
) -> AsyncIterator[TelegramReader]:
    async with open_reader(settings, timing=passing_time.timing) as opened:
        yield opened


async def ids_of(reader: TelegramReader, chat: str = "@busy_talk") -> list[int]:
    identity = await reader.resolve(parse_spelling(chat))
    start, end = day_bounds("2025-11-06", 3)
    async with aclosing(reader.history(identity, start, end)) as pages:
        return [each.id async for page in pages for each in page.messages if start <= each.date < end]


async def test_a_connection_that_is_cut_at_one_request_each_time_costs_a_few_requests_and_ends(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", cut=True)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        with pytest.raises(FetchError, match="chat busy_talk: the connection failed") as failure:
            await ids_of(reader)
        sent = reader.requests_by_method
    assert failure.value.error_type is ErrorType.NETWORK
    assert sent == {"help.getConfig": 3, "users.getUsers": 1, "messages.getHistory": 3, **RESOLVED}
    assert passing_time.slept == [1, 2]


async def test_opening_takes_two_requests(sandbox: Any, settings: Settings, account: AccountStore) -> None:
    async with open_reader(settings) as reader:
        assert reader.requests_by_method == {"help.getConfig": 1, "users.getUsers": 1}


async def test_pauses_grow_over_all_requests_of_a_run_and_then_none_is_made_any_more(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", cut=True)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        for chat in ("@busy_talk", "@daily_news"):
            with pytest.raises(FetchError, match="the connection failed"):
                await ids_of(reader, chat)
        for chat in ("@moved_house", "@busy_talk"):
            with pytest.raises(FetchError, match="8 connections to Telegram were lost one after") as failure:
                await ids_of(reader, chat)
            assert failure.value.error_type is ErrorType.NETWORK
    assert passing_time.slept == [1, 2, 4, 8, 16, 32, 60]
    assert len(methods(sandbox, "messages.getHistory")) == 8


async def test_answers_in_a_row_forgive_lost_connections(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", cut=True, every=connections.CALM + 1)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        for _ in range(10 * connections.CALM):
            assert await reader.first_message_date(identity) is not None
    assert set(passing_time.slept) == {1}
    assert len(passing_time.slept) > connections.MOST_LOSSES


async def test_a_server_that_closes_after_each_answer_is_not_asked_without_an_end(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime, counted: Counted
) -> None:
    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))

        async def ask_until_it_ends() -> None:
            while True:
                sandbox.restart()
                counted.unheard += 1  # the loop may not know yet that the server has gone
                await reader.first_message_date(identity)

        with pytest.raises(FetchError, match="connections to Telegram were lost one after"):
            await ask_until_it_ends()
    assert len(passing_time.slept) < connections.MOST_LOSSES
    assert passing_time.slept == sorted(passing_time.slept)


async def test_a_greeting_that_is_cut_each_time_ends_too(
    sandbox: Any,
    settings: Settings,
    account: AccountStore,
    restrictions: Restrictions,
    passing_time: PassingTime,
) -> None:
    sandbox.add_fault(method="help.getConfig", cut=True)
    with pytest.raises(FetchError, match="account main: the connection failed") as failure:
        async with open_reader(settings, timing=passing_time.timing):
            pytest.fail("there was no greeting")
    assert failure.value.error_type is ErrorType.NETWORK
    assert sandbox.count("help.getConfig") == 3
    assert sandbox.count("users.getUsers") == 0
    assert restrictions.quarantined() is None


@pytest.mark.parametrize("method", ["help.getConfig", "users.getUsers"])
async def test_a_deadline_of_a_connections_first_requests_is_kept_and_respected(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime, method: str
) -> None:
    sandbox.add_fault(method=method, error="FLOOD_WAIT_900")
    for _ in range(3):  # run after run
        with pytest.raises(FetchError, match=rf"main: Telegram asks .* before {method}") as failure:
            async with open_reader(settings, timing=passing_time.timing):
                pytest.fail("it was to wait")
        assert failure.value.error_type is ErrorType.RATE_LIMIT
        assert failure.value.retry_after == pytest.approx(900, abs=5)
    assert sandbox.count(method) == 1


async def test_a_short_deadline_of_a_greeting_is_waited_out(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="help.getConfig", error="FLOOD_WAIT_7", times=1)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        assert reader.requests_by_method == {"help.getConfig": 2, "users.getUsers": 1}
    assert [int(seconds) for seconds in passing_time.slept] == [7]


async def test_a_key_that_the_server_does_not_know_is_looked_at_twice_before_the_account_is_put_aside(
    sandbox: Any,
    settings: Settings,
    account: AccountStore,
    restrictions: Restrictions,
    passing_time: PassingTime,
) -> None:
    sandbox.add_fault(transport_error=-404)
    with pytest.raises(
        FetchError, match="account main: the server does not know the session's key"
    ) as failure:
        async with open_reader(settings, timing=passing_time.timing):
            pytest.fail("the key is unknown")
    assert failure.value.error_type is ErrorType.AUTH
    assert restrictions.quarantined() is not None
    assert sandbox.count("help.getConfig") == 2
    assert passing_time.slept == [1]


@pytest.mark.parametrize("method", ["help.getConfig", "users.getUsers", "messages.getHistory"])
async def test_a_key_that_was_forgotten_for_a_moment_costs_one_connection(
    sandbox: Any,
    settings: Settings,
    account: AccountStore,
    restrictions: Restrictions,
    passing_time: PassingTime,
    method: str,
) -> None:
    sandbox.add_fault(method=method, transport_error=-404, times=1)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        assert len(await ids_of(reader)) == 390
        assert reader.requests_by_method["help.getConfig"] == 2
    assert restrictions.quarantined() is None


async def test_connections_that_telegram_refuses_for_a_while_are_waited_for_and_then_left(
    sandbox: Any,
    settings: Settings,
    account: AccountStore,
    restrictions: Restrictions,
    passing_time: PassingTime,
) -> None:
    sandbox.add_fault(method="messages.getHistory", transport_error=-429, times=1)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        assert len(await ids_of(reader)) == 390
    assert [int(seconds) // 10 for seconds in passing_time.slept] == [6]

    sandbox.add_fault(transport_error=-429)
    for _ in range(2):
        with pytest.raises(FetchError, match=r"asks to wait .* before connecting") as failure:
            async with open_reader(settings, timing=passing_time.timing):
                pytest.fail("it was to wait")
        assert failure.value.error_type is ErrorType.RATE_LIMIT
        assert failure.value.retry_after is not None
        assert failure.value.retry_after > settings.flood_wait_in_run / 2
    assert restrictions.quarantined() is None


async def test_a_limited_account_is_asked_once_and_rests_for_a_day(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="PEER_FLOOD")
    async with open_reader(settings, timing=passing_time.timing) as reader:
        for chat in ("@busy_talk", "@daily_news"):
            with pytest.raises(FetchError, match="account main: Telegram has limited") as failure:
                await ids_of(reader, chat)
            assert failure.value.error_type is ErrorType.RATE_LIMIT
            assert failure.value.retry_after == pytest.approx(86400, abs=5)
    seen = len(sandbox.requests)
    with pytest.raises(FetchError, match="account main: Telegram has limited") as failure:
        async with open_reader(settings, timing=passing_time.timing):
            pytest.fail("it rests")
    assert failure.value.retry_after == pytest.approx(86400, abs=5)
    assert len(sandbox.requests) == seen
    assert sandbox.count("messages.getHistory") == 1
    assert passing_time.slept == []


async def test_an_account_that_moved_fails_clearly_and_stays(
    sandbox: Any, settings: Settings, account: AccountStore, restrictions: Restrictions
) -> None:
    sandbox.add_fault(method="messages.getHistory", error="USER_MIGRATE_4")
    async with open_reader(settings) as reader:
        for chat in ("@busy_talk", "@daily_news"):
            with pytest.raises(FetchError, match=r"another data centre.*USER_MIGRATE_X") as failure:
                await ids_of(reader, chat)
            assert failure.value.error_type is ErrorType.AUTH
    assert sandbox.count("messages.getHistory") == 1
    assert restrictions.quarantined() is None
    assert account.load("main").session.get_secret_value() == sandbox.session, "the session is as it was"


async def test_a_salt_that_is_refused_each_time_does_not_send_one_request_for_ever(
    sandbox: Any, reader: TelegramReader, monkeypatch: pytest.MonkeyPatch, counted: Counted
) -> None:
    packets = 0

    class Fickle(sessions.Session):
        @property
        def salt(self) -> int:
            nonlocal packets
            packets += 1
            return packets

        @salt.setter
        def salt(self, value: int) -> None:
            pass

    identity = await reader.resolve(parse_spelling("@busy_talk"))
    monkeypatch.setattr(sessions, "Session", Fickle)
    sandbox.restart()
    with pytest.raises(FetchError, match="kept refusing") as failure:
        await reader.first_message_date(identity)
    counted.unheard = 3  # a request whose salt is refused has reached no method
    assert failure.value.error_type is ErrorType.NETWORK
    assert packets <= 3 * 3 * link.PACKETS_A_REQUEST


async def has_come(sandbox: Any, method: str) -> None:
    await asyncio.to_thread(until, lambda: sandbox.count(method), what=method)


async def test_a_request_that_nobody_waits_for_any_more_leaves_nothing_behind(
    sandbox: Any, reader: TelegramReader
) -> None:
    identity = await reader.resolve(parse_spelling("@busy_talk"))
    sandbox.add_fault(method="messages.getHistory", silence=True, times=1)
    asking = asyncio.create_task(reader.first_message_date(identity))
    await has_come(sandbox, "messages.getHistory")

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await reader.first_message_date(identity) is not None
    assert reader.requests_by_method["help.getConfig"] == 1


async def test_an_opening_that_is_cancelled_leaves_nothing_open(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async def opened() -> dict[str, int]:
        async with open_reader(settings) as reader:
            return dict(reader.requests_by_method)

    before = asyncio.all_tasks()
    sandbox.add_fault(method="help.getConfig", silence=True, times=1)
    opening = asyncio.create_task(opened())
    await has_come(sandbox, "help.getConfig")

    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening

    assert asyncio.all_tasks() == before
    assert await opened() == {"help.getConfig": 1, "users.getUsers": 1}


async def test_no_reconnecting_of_telethons_own_is_on(
    sandbox: Any, reader: TelegramReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = await reader.resolve(parse_spelling("@busy_talk"))
    connected = MTProtoSender._connect
    made = []

    async def connect(sender: MTProtoSender) -> None:
        made.append(sender)
        await connected(sender)

    monkeypatch.setattr(MTProtoSender, "_connect", connect)
    sandbox.add_fault(method="messages.getHistory", cut=True, times=2)
    assert await reader.first_message_date(identity) is not None
    assert len(made) == len(set(made)) == 2
