"""Each row of the table of errors, and what stands beside it."""

import asyncio
import struct

import pytest
from telethon import errors as telethon_errors
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re
from telethon.tl.functions.messages import GetHistoryRequest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.error_rows import ROWS, WAITS, Account
from tg_fetcher_dagster.telegram.error_strangers import BEYOND_TELETHON, STRANGERS
from tg_fetcher_dagster.telegram.errors import (
    EXPECTED,
    DamagedAnswerError,
    UnknownConstructorError,
    account_after,
    error_name,
    is_alarm,
    sort_error,
    why_stranger,
)


class _Answer:
    """An rpc_error as it comes over the wire."""

    def __init__(self, code: int, message: str) -> None:
        self.error_code = code
        self.error_message = message


def telethons(code: int, message: str) -> Exception:
    return telethon_errors.rpc_message_to_error(_Answer(code, message), request=None)


TELETHONS = {name.upper() for name in rpc_errors_dict} | {
    pattern.replace(r"(\d+)", "X") for pattern, _ in rpc_errors_re
}


def test_every_name_that_telegram_is_known_to_answer_has_a_row_or_a_reason_why_it_cannot_come() -> None:
    strangers = [name for names in STRANGERS.values() for name in names]
    assert len(strangers) == len(set(strangers)), "one reason each"
    sorted_out = [ROWS.keys(), WAITS, set(strangers)]

    for name in TELETHONS | BEYOND_TELETHON:
        assert sum(name in names for names in sorted_out) == 1, name
    assert set().union(*sorted_out) == TELETHONS | BEYOND_TELETHON, "a row for a name that nobody has seen"
    assert not TELETHONS & BEYOND_TELETHON, "Telethon lists it by now"


@pytest.mark.parametrize("code", [400, 401, 403, 406, 420, 500])
def test_a_row_is_found_by_its_name_under_whatever_code(code: int) -> None:
    for name, row in ROWS.items():
        failure = sort_error(telethons(code, name.replace("_X", "_4")), about="chat ru_python")

        assert failure.error_type is row.sort, name
        assert failure.message.startswith(f"chat ru_python: {row.text} (")
        assert failure.message.endswith((f"({name})", f"({name.replace('_X', '_4')})"))


def test_a_name_that_cannot_come_puts_no_account_aside() -> None:
    for name in set().union(*STRANGERS.values()):
        error = telethons(400, name.replace("_X", "_4"))

        assert account_after(error) is Account.GOES_ON, name
        assert why_stranger(error_name(error)) is not None, name


@pytest.mark.parametrize("code", [400, 406, 420])
@pytest.mark.parametrize("name", ["FROZEN_METHOD_INVALID", "FROZEN_PARTICIPANT_MISSING", "FROZEN_NEW_THING"])
def test_a_frozen_account_is_known_by_the_name(name: str, code: int) -> None:
    error = telethons(code, name)

    assert sort_error(error).error_type is ErrorType.AUTH
    assert account_after(error) is Account.QUARANTINE


def test_only_names_that_end_an_account_put_it_aside() -> None:
    assert {name for name, row in ROWS.items() if row.account is Account.QUARANTINE} == {
        "AUTH_KEY_UNREGISTERED",
        "AUTH_KEY_INVALID",
        "AUTH_KEY_DUPLICATED",
        "SESSION_REVOKED",
        "SESSION_EXPIRED",
        "SESSION_PASSWORD_NEEDED",
        "USER_DEACTIVATED",
        "USER_DEACTIVATED_BAN",
        "FROZEN_METHOD_INVALID",
        "FROZEN_PARTICIPANT_MISSING",
    }
    assert all(row.sort is ErrorType.AUTH for row in ROWS.values() if row.account is Account.QUARANTINE)


@pytest.mark.parametrize(
    ("name", "sort"),
    [
        ("USER_MIGRATE_4", ErrorType.AUTH),
        ("BOT_METHOD_INVALID", ErrorType.AUTH),
        ("USERNAME_PURCHASE_AVAILABLE", ErrorType.NOT_FOUND),
        ("MSG_WAIT_FAILED", ErrorType.NETWORK),
        ("USER_NOT_PARTICIPANT", ErrorType.NO_ACCESS),
        ("INVITE_REQUEST_SENT", ErrorType.NO_ACCESS),
        ("COMMUNITY_PRIVATE", ErrorType.NO_ACCESS),
        ("CHANNEL_MONOFORUM_UNSUPPORTED", ErrorType.VALIDATION),
    ],
)
def test_names_that_readers_have_met(name: str, sort: ErrorType) -> None:
    error = telethons(400, name)

    assert sort_error(error).error_type is sort
    assert account_after(error) is not Account.QUARANTINE
    assert not is_alarm(error)


@pytest.mark.parametrize(
    ("code", "message", "sort", "retry_after"),
    [
        (420, "FLOOD_WAIT_31", ErrorType.RATE_LIMIT, 31.0),
        (400, "FLOOD_WAIT_31", ErrorType.RATE_LIMIT, 31.0),
        (420, "FLOOD_PREMIUM_WAIT_7", ErrorType.RATE_LIMIT, 7.0),
        (420, "SLOWMODE_WAIT_5", ErrorType.RATE_LIMIT, 5.0),
        (420, "TAKEOUT_INIT_DELAY_86400", ErrorType.RATE_LIMIT, 86400.0),
        (420, "STORY_SEND_FLOOD_WEEKLY_77", ErrorType.RATE_LIMIT, 77.0),
        (406, "SOME_NEW_WAIT_12", ErrorType.RATE_LIMIT, 12.0),
        (420, "SOME_NEW_FLOOD", ErrorType.RATE_LIMIT, 300.0),
        (400, "PEER_FLOOD", ErrorType.RATE_LIMIT, 86400.0),
        (500, "INTERNAL", ErrorType.NETWORK, None),
        (502, "SOME_GATEWAY", ErrorType.NETWORK, None),
        (-500, "No workers running", ErrorType.NETWORK, None),
        (-503, "Timeout", ErrorType.NETWORK, None),
        (500, "AUTH_KEY_UNSYNCHRONIZED", ErrorType.NETWORK, None),
        (401, "SOME_NEW_REASON", ErrorType.INTERNAL, None),
        (303, "SOME_MIGRATE_4", ErrorType.INTERNAL, None),
        (406, "AUTH_KEY_SOMEHOW_WRONG", ErrorType.INTERNAL, None),
        (406, "PREMIUM_CURRENTLY_UNAVAILABLE", ErrorType.INTERNAL, None),
        (406, "SOME_NEW_REFUSAL", ErrorType.INTERNAL, None),
        (400, "SOME_NEW_FAULT", ErrorType.INTERNAL, None),
        (400, "INPUT_METHOD_INVALID_1615239032", ErrorType.INTERNAL, None),
    ],
)
def test_an_answer_outside_the_table_is_sorted_by_its_family_and_harms_no_account(
    code: int, message: str, sort: ErrorType, retry_after: float | None
) -> None:
    error = telethons(code, message)

    failure = sort_error(error)

    assert failure.error_type is sort
    assert failure.retry_after == retry_after
    assert "\n" not in failure.message
    assert account_after(error) is not Account.QUARANTINE
    assert is_alarm(error) is (sort is ErrorType.INTERNAL)


@pytest.mark.parametrize(
    ("error", "sort"),
    [
        (ConnectionError("Connection to Telegram failed 5 time(s)"), ErrorType.NETWORK),
        (ConnectionRefusedError(111, "Connection refused"), ErrorType.NETWORK),
        (TimeoutError(), ErrorType.NETWORK),
        (asyncio.IncompleteReadError(b"", 8), ErrorType.NETWORK),
        (telethon_errors.SecurityError(), ErrorType.NETWORK),
        (telethon_errors.InvalidChecksumError(1, 2), ErrorType.NETWORK),
        (telethon_errors.InvalidBufferError(struct.pack("<i", -429)), ErrorType.RATE_LIMIT),
        (telethon_errors.InvalidBufferError(b"x"), ErrorType.NETWORK),
        (telethon_errors.InvalidBufferError(struct.pack("<i", -404)), ErrorType.AUTH),
        (telethon_errors.AuthKeyNotFound(), ErrorType.AUTH),
        (DamagedAnswerError(struct.error("unpack requires a buffer of 4 bytes")), ErrorType.NETWORK),
        (telethon_errors.TypeNotFoundError(0x12345678, b"\x00" * 40), ErrorType.INTERNAL),
        (RuntimeError("a fault\nof our own"), ErrorType.INTERNAL),
    ],
)
def test_what_is_no_answer_is_sorted_too(error: Exception, sort: ErrorType) -> None:
    failure = sort_error(error, about="chat ru_python")

    assert failure.error_type is sort
    assert failure.message.startswith("chat ru_python: ")
    assert "\n" not in failure.message
    assert isinstance(error, EXPECTED) is not isinstance(error, RuntimeError)


def test_an_unknown_constructor_is_a_failure_of_its_own() -> None:
    failure = sort_error(telethon_errors.TypeNotFoundError(0x00ABCDEF, b""), about="chat ru_python")

    assert isinstance(failure, UnknownConstructorError)
    assert failure.constructor_id == 0x00ABCDEF
    assert "00abcdef" in failure.message


def test_a_failure_that_is_sorted_already_stays_as_it_is() -> None:
    failure = FetchError(ErrorType.NO_ACCESS, "no")

    assert sort_error(failure, about="anything") is failure


def test_an_unknown_refusal_tells_telegrams_own_name() -> None:
    request = GetHistoryRequest(
        peer=None, offset_id=0, offset_date=None, add_offset=0, limit=1, max_id=0, min_id=0, hash=0
    )
    error = telethon_errors.BadRequestError(request, "SOME_NEW_FAULT", 400)

    assert "SOME_NEW_FAULT" in sort_error(error).message
