"""Whatever a real Telegram does to a client, on purpose and by rule."""

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from telethon.errors import (
    AuthKeyDuplicatedError,
    AuthKeyUnregisteredError,
    ChannelPrivateError,
    FloodWaitError,
    SessionRevokedError,
    UserDeactivatedBanError,
)
from telethon.network import ConnectionTcpFull
from telethon.tl import functions
from telethon.tl.functions.help import GetNearestDcRequest
from telethon.tl.functions.messages import GetHistoryRequest

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for, ids_of_busy, signed_in, true_ids
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.faults import Fault, Faults, error_code
from tg_fetcher_sandbox.rpc import Caller, RpcError
from tg_fetcher_sandbox.server import faults_of

HISTORY = "messages.getHistory"


def page(peer, *, limit=100):
    return GetHistoryRequest(peer, 0, None, 0, limit, 0, 0, 0)


async def test_a_flood_wait_comes_after_so_many_calls_and_names_its_seconds(telegram_sandbox):
    telegram = telegram_sandbox({**SMALL, "faults": [{"method": HISTORY, "after": 2, "flood_wait": 30}]})
    async with signed_in(telegram) as client:
        with pytest.raises(FloodWaitError) as caught:
            await ids_of_busy(client)
        assert await client(GetNearestDcRequest())
    assert caught.value.seconds == 30
    assert [record["error"] for record in telegram.requests if record["method"] == HISTORY] == [
        None,
        None,
        "FLOOD_WAIT_30",
    ]


async def test_one_accounts_flood_wait_is_not_anothers(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, account="main", flood_wait=30)
    async with signed_in(telegram) as flooded, signed_in(telegram, "second") as other:
        with pytest.raises(FloodWaitError):
            await ids_of_busy(flooded)
        assert await ids_of_busy(other) == true_ids(telegram)


async def call(faults, method=functions.help.GetNearestDcRequest):
    try:
        await faults(method(), Caller())
    except RpcError as error:
        return error.message
    return None


async def test_a_flood_wait_counts_down_and_then_lets_the_same_number_pass_again():
    now = [0.0]
    faults = Faults([Fault(after=2, flood_wait=10)], clock=lambda: now[0])
    said = []
    for moment in (0, 1, 2, 7, 13, 14, 15):
        now[0] = float(moment)
        said.append(await call(faults))
    assert said == [None, None, "FLOOD_WAIT_10", "FLOOD_WAIT_5", None, None, "FLOOD_WAIT_10"]


@given(after=st.integers(0, 5), times=st.integers(1, 4), every=st.integers(1, 3))
def test_a_rule_acts_after_some_calls_on_each_nth_and_so_often(after, times, every):
    async def said():
        faults = Faults([Fault(after=after, times=times, every=every, error="CHANNEL_PRIVATE")])
        return [await call(faults) is not None for _ in range(40)]

    expected = [number > after and (number - after) % every == 0 for number in range(1, 41)]
    seen = asyncio.run(said())
    assert sum(seen) == times
    assert seen == [acts and sum(expected[:place]) < times for place, acts in enumerate(expected)]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("CHANNEL_PRIVATE", ChannelPrivateError),
        ("AUTH_KEY_UNREGISTERED", AuthKeyUnregisteredError),
        ("SESSION_REVOKED", SessionRevokedError),
        ("USER_DEACTIVATED_BAN", UserDeactivatedBanError),
    ],
)
async def test_any_error_comes_by_its_name(telegram_sandbox, error, kind):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, error=error)
    async with signed_in(telegram) as client:
        with pytest.raises(kind):
            await ids_of_busy(client)


async def test_an_error_of_the_server_that_passes_is_gone_with_the_next_try(telegram_sandbox, monkeypatch):
    async def rest(seconds):
        assert seconds == 2

    # Telethon rests two seconds after an answer of the 5xx kind.
    monkeypatch.setattr("telethon.client.users.asyncio", SimpleNamespace(sleep=rest))
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method="messages.*", error="RPC_CALL_FAIL", times=1)
    async with signed_in(telegram, request_retries=3) as client:
        assert len((await client(page(await client.get_input_entity("busy_group")))).messages) == 100


async def test_a_fault_of_one_chat_spares_the_others(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    peer = telegram.world.chats["busy"].peer
    telegram.add_fault(method=HISTORY, chat=1, error="CHANNEL_PRIVATE")
    async with signed_in(telegram) as client:
        assert await ids_of_busy(client)
        telegram.add_fault(method=HISTORY, chat=peer, error="CHANNEL_PRIVATE")
        with pytest.raises(ChannelPrivateError):
            await ids_of_busy(client)
        telegram.clear_faults()
        assert await ids_of_busy(client)


async def test_a_delay_is_as_long_as_the_rule_says():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    faults = Faults([Fault(delay=0.4, times=2)], sleep=sleep)
    assert [await call(faults) for _ in range(3)] == [None] * 3
    assert slept == [0.4, 0.4]


@pytest.mark.parametrize("rule", [{"delay": 3600}, {"hold": True}])
async def test_an_answer_that_waits_holds_up_nobody_else(telegram_sandbox, rule):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, account="main", **rule)
    async with signed_in(telegram) as slow, signed_in(telegram, "second") as quick:
        waiting = asyncio.ensure_future(slow(page(await slow.get_input_entity("busy_group"))))
        assert await ids_of_busy(quick) == true_ids(telegram)
        assert (await slow(GetNearestDcRequest())).this_dc == 2
        assert not waiting.done()
        waiting.cancel()


async def test_answers_that_are_held_wait_side_by_side_until_the_rules_are_ended(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, hold=True)
    async with signed_in(telegram) as client:
        peer = await client.get_input_entity("busy_group")
        held = asyncio.gather(*(client(page(peer)) for _ in range(5)))
        while telegram.held < 5:
            await client(GetNearestDcRequest())
        assert telegram.count(HISTORY) == 0
        telegram.clear_faults()
        assert [len(each.messages) for each in await held] == [100] * 5
    assert telegram.held == 0


@pytest.mark.parametrize("cut", [True, 1, 40])
async def test_a_connection_that_is_cut_in_mid_packet_is_made_again(telegram_sandbox, cut):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, after=1, times=1, cut=cut)
    async with signed_in(telegram) as client:
        assert await ids_of_busy(client) == true_ids(telegram)
    errors = [record["error"] for record in telegram.requests if record["method"] == HISTORY]
    assert errors.count("CutConnection") == 1
    assert len({record["connection"] for record in telegram.requests}) > 1


async def test_a_request_can_stay_without_an_answer(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, silence=True)
    async with signed_in(telegram) as client:
        waiting = asyncio.ensure_future(client(page(await client.get_input_entity("busy_group"))))
        while telegram.count(HISTORY) == 0:
            await client(GetNearestDcRequest())
        assert (await client(GetNearestDcRequest())).this_dc == 2
        assert not waiting.done()
        waiting.cancel()
    assert [record["error"] for record in telegram.requests if record["method"] == HISTORY] == ["Silence"]


async def test_after_a_transport_error_the_client_comes_back(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method="help.getNearestDc", transport_error=-429, times=1)
    async with signed_in(telegram) as client:
        assert (await client(GetNearestDcRequest())).this_dc == 2
    asked = [record for record in telegram.requests if record["method"] == "help.getNearestDc"]
    assert asked[0]["error"] == "TransportFault"
    assert asked[-1]["error"] is None
    assert asked[0]["connection"] != asked[-1]["connection"]


async def test_short_and_empty_pages_come_by_rule(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    telegram.add_fault(method=HISTORY, every=2, short_page=7)
    async with signed_in(telegram) as client:
        peer = await client.get_input_entity("busy_group")
        sizes = [len((await client(page(peer))).messages) for _ in range(4)]
        telegram.add_fault(method=HISTORY, empty_page=True)
        empty = await client(page(peer))
    assert sizes == [100, 7, 100, 7]
    assert empty.messages == []
    assert empty.count == len(true_ids(telegram))


async def test_one_key_on_two_connections_is_dead_ever_after(telegram_sandbox):
    telegram = telegram_sandbox({**SMALL, "faults": [{"duplicate_key": True}]})
    session = telegram.session
    async with signed_in(telegram) as first:
        assert await first.get_me()
        second = client_for(telegram, session)
        with pytest.raises(AuthKeyDuplicatedError):
            await second.connect()
        await second.disconnect()
        with pytest.raises(AuthKeyDuplicatedError):
            await first.get_messages("busy_group", limit=1)


async def test_one_key_on_two_connections_is_no_fault_by_itself(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    async with signed_in(telegram) as first, signed_in(telegram) as second:
        assert await ids_of_busy(first) == await ids_of_busy(second)


async def test_a_server_that_is_away_for_a_while_is_found_again(telegram_sandbox):
    telegram = telegram_sandbox(SMALL)
    in_vain = asyncio.Event()

    class Tried(ConnectionTcpFull):
        async def connect(self, *arguments, **options):
            try:
                await super().connect(*arguments, **options)
            except OSError:
                in_vain.set()
                raise

    async with signed_in(telegram, connection=Tried, connection_retries=None) as client:
        assert await client.get_me()
        telegram.pause()
        reading = asyncio.ensure_future(ids_of_busy(client))
        await in_vain.wait()
        telegram.resume()
        assert await reading == true_ids(telegram)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "exactly one of"),
        ({"delay": 1, "error": "X"}, "exactly one of"),
        ({"error": "lower case"}, "pattern"),
        ({"methd": "x", "delay": 1}, "Extra inputs"),
        ({"delay": -1}, "greater than or equal to 0"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_one_line(entry, said):
    with pytest.raises(SandboxError, match=said) as caught:
        faults_of([{"delay": 1}, entry])
    assert str(caught.value).startswith("scenario faults.1")
    with pytest.raises(ValidationError):
        Fault.model_validate(entry)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("FLOOD_WAIT_5", 420),
        ("TAKEOUT_INIT_DELAY_86400", 420),
        ("AUTH_KEY_DUPLICATED", 406),
        ("USER_DEACTIVATED_BAN", 401),
        ("CHANNEL_PRIVATE", 400),
        ("RPC_CALL_FAIL", 500),
        ("NEVER_HEARD_OF", 400),
    ],
)
def test_an_errors_code_is_telegrams(name, code):
    assert error_code(name) == code
