"""A request's way to Telegram when floods and failures come in turns, and when answers make no sense."""

import gzip
import struct
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs
from telethon.tl.tlobject import TLObject

from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.errors import UnknownConstructorError
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster.telegram.reader import TelegramReader
from tg_fetcher_dagster_tests.counting import PassingTime
from tg_fetcher_dagster_tests.telegram.conftest import day_bounds

pytestmark = pytest.mark.usefixtures("counted")

HISTORY = "messages.getHistory"
UNKNOWN = 0xDEADBEEF
GZIP_PACKED = 0x3072CFA1
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Bytes:
    """An answer that is these bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def _bytes(self) -> bytes:
        return self._content


def unknown(answer: Any, _request: Any) -> Any:
    """An answer of a newer layer, short enough to go unpacked."""
    return Bytes(struct.pack("<I", UNKNOWN) + bytes(64))


def unknown_and_packed(answer: Any, _request: Any) -> Any:
    """The same, long enough to go gzip_packed."""
    return Bytes(struct.pack("<I", UNKNOWN) + bytes(4000))


def unknown_inside(answer: Any, _request: Any) -> Any:
    """A page whose first user is of a newer layer."""
    content = bytes(answer._bytes())
    user = bytes(answer.users[0]._bytes())
    assert user in content
    return Bytes(content.replace(user, struct.pack("<I", UNKNOWN) + user[4:]))


def cut_to(share: float) -> Any:
    """Answers that end too early."""

    def cut(answer: Any, _request: Any) -> Any:
        content = bytes(answer._bytes())
        return Bytes(content[: int(len(content) * share)])

    return cut


def broken_zip(answer: Any, _request: Any) -> Any:
    packed = TLObject.serialize_bytes(gzip.compress(bytes(answer._bytes()))[:40])
    return Bytes(struct.pack("<I", GZIP_PACKED) + packed)


async def oldest(reader: TelegramReader) -> Any:
    identity = await reader.resolve(parse_spelling("@busy_talk"))
    return await reader.first_message_date(identity)


async def ids_of(reader: TelegramReader, identity: Any) -> list[int]:
    """The ids of a day's messages, of pages that are long enough to come packed."""
    start, end = day_bounds("2025-11-07")
    async with aclosing(reader.history(identity, start, end)) as pages:
        return [each.id async for page in pages for each in page.messages if start <= each.date < end]


async def test_floods_that_were_waited_out_use_up_no_try_of_a_failing_server(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    flood, trouble = "FLOOD_WAIT_5", "RPC_CALL_FAIL"
    for error, times in ((flood, 2), (trouble, 1), (flood, 1), (trouble, 1)):
        sandbox.add_fault(method=HISTORY, error=error, times=times)
    async with open_reader(settings, timing=passing_time.timing) as reader:
        assert await oldest(reader) is not None
        assert reader.requests_by_method[HISTORY] == 6
    assert sum(passing_time.slept) >= 15


@pytest.mark.parametrize("change", [unknown, unknown_and_packed, unknown_inside])
async def test_an_unknown_constructor_is_one_alarm_and_the_connection_goes_on(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime, change: Any
) -> None:
    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        sandbox.rewrite(HISTORY, change, times=2)
        with capture_logs() as logs:
            for _ in range(2):
                with pytest.raises(UnknownConstructorError, match=r"chat busy_talk: .*deadbeef") as failure:
                    await reader.first_message_date(identity)
                assert failure.value.constructor_id == UNKNOWN
                assert failure.value.error_type is ErrorType.INTERNAL
        assert await reader.first_message_date(identity) is not None
        assert reader.requests_by_method[HISTORY] == 3
        assert reader.requests_by_method["help.getConfig"] == 1
    assert [line["answer"] for line in logs if line["log_level"] == "error"] == ["constructor deadbeef"]


@pytest.mark.parametrize("method", ["help.getConfig", "users.getUsers"])
async def test_an_unknown_constructor_in_a_connections_first_answers_is_one_alarm_and_no_storm(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime, method: str
) -> None:
    account.save("main", sandbox.session, user_id=sandbox.world.accounts[0].user_id)
    sandbox.rewrite(method, unknown)
    sandbox.add_fault(method=HISTORY, cut=True, times=2)
    with capture_logs() as logs:
        async with open_reader(settings, timing=passing_time.timing) as reader:
            assert await oldest(reader) is not None
            assert reader.requests_by_method["help.getConfig"] == 3
            assert reader.requests_by_method["users.getUsers"] == 1
            assert reader.is_past(LONG_AGO, at=reader.now()) is (method == "users.getUsers")
    alarms = [line for line in logs if line["log_level"] == "error"]
    assert [(line["answer"], line["method"]) for line in alarms] == [("constructor deadbeef", method)]


@pytest.mark.parametrize(
    "change",
    [*(cut_to(share) for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)), broken_zip],
)
async def test_a_damaged_answer_is_asked_again_over_a_new_connection(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime, change: Any
) -> None:
    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        sandbox.rewrite(HISTORY, change, times=1)
        assert len(await ids_of(reader, identity)) == 130
        assert reader.requests_by_method["help.getConfig"] == 2
    assert len(passing_time.slept) == 1


async def test_answers_that_stay_damaged_are_a_network_failure_after_three_tries(
    sandbox: Any, settings: Settings, account: AccountStore, passing_time: PassingTime
) -> None:
    async with open_reader(settings, timing=passing_time.timing) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        sandbox.rewrite(HISTORY, cut_to(0.5))
        with pytest.raises(FetchError, match=r"chat busy_talk: .*the answer is damaged") as failure:
            await ids_of(reader, identity)
        assert reader.requests_by_method[HISTORY] == 3
    assert failure.value.error_type is ErrorType.NETWORK
    assert "\n" not in failure.value.message


@pytest.mark.parametrize("code", [400, 401, 403, 406])
async def test_a_name_that_nobody_knows_fails_its_chat_alarms_once_and_puts_no_account_aside(
    sandbox: Any, settings: Settings, account: AccountStore, restrictions: Restrictions, code: int
) -> None:
    sandbox.add_fault(method=HISTORY, error="AUTH_OF_A_NEW_KIND", code=code, times=2)
    with capture_logs() as logs:
        async with open_reader(settings) as reader:
            for _ in range(2):
                with pytest.raises(FetchError, match=r"chat busy_talk: .*AUTH_OF_A_NEW_KIND") as failure:
                    await oldest(reader)
                assert failure.value.error_type is ErrorType.INTERNAL
            assert await oldest(reader) is not None, "other chats go on"
            assert reader.requests_by_method[HISTORY] == 3
    assert [line["answer"] for line in logs if line["log_level"] == "error"] == ["AUTH_OF_A_NEW_KIND"]
    assert restrictions.quarantined() is None
