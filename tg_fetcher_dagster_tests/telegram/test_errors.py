"""Each row of the table of errors, and what stands beside it."""

import asyncio
import struct

import pytest
from telethon import errors as telethon_errors
from telethon.errors.rpcerrorlist import rpc_errors_dict
from telethon.tl.functions.messages import GetHistoryRequest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.errors import EXPECTED, ROWS, sort_error


class _Answer:
    """An rpc_error as it comes over the wire."""

    def __init__(self, code: int, message: str) -> None:
        self.error_code = code
        self.error_message = message


def telethons(code: int, message: str) -> Exception:
    return telethon_errors.rpc_message_to_error(_Answer(code, message), request=None)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_row_is_what_telethon_makes_of_that_answer(name: str) -> None:
    code = abs(getattr(rpc_errors_dict.get(name), "code", None) or 420)

    failure = sort_error(telethons(code, name), about="chat ru_python")

    sort, text = ROWS[name]
    assert failure.error_type is sort
    assert failure.message == f"chat ru_python: {text} ({name})"


@pytest.mark.parametrize(
    ("code", "message", "sort", "retry_after"),
    [
        (420, "FLOOD_WAIT_31", ErrorType.RATE_LIMIT, 31.0),
        (420, "FLOOD_PREMIUM_WAIT_7", ErrorType.RATE_LIMIT, 7.0),
        (420, "SLOWMODE_WAIT_5", ErrorType.RATE_LIMIT, 5.0),
        (420, "TAKEOUT_INIT_DELAY_86400", ErrorType.RATE_LIMIT, 86400.0),
        (420, "SOME_NEW_FLOOD", ErrorType.RATE_LIMIT, None),
        (500, "INTERNAL", ErrorType.NETWORK, None),
        (-500, "No workers running", ErrorType.NETWORK, None),
        (-503, "Timeout", ErrorType.NETWORK, None),
        (401, "SOME_NEW_REASON", ErrorType.AUTH, None),
        (406, "AUTH_KEY_SOMEHOW_WRONG", ErrorType.AUTH, None),
        (406, "PREMIUM_CURRENTLY_UNAVAILABLE", ErrorType.INTERNAL, None),
        (406, "SOME_NEW_REFUSAL", ErrorType.INTERNAL, None),
        (400, "SOME_NEW_FAULT", ErrorType.INTERNAL, None),
    ],
)
def test_an_answer_outside_the_table_is_sorted_by_its_code(
    code: int, message: str, sort: ErrorType, retry_after: float | None
) -> None:
    failure = sort_error(telethons(code, message))

    assert failure.error_type is sort
    assert failure.retry_after == retry_after
    assert "\n" not in failure.message


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
        (telethon_errors.AuthKeyNotFound(), ErrorType.AUTH),
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


def test_a_failure_that_is_sorted_already_stays_as_it_is() -> None:
    failure = FetchError(ErrorType.NO_ACCESS, "no")

    assert sort_error(failure, about="anything") is failure


def test_an_unknown_refusal_tells_telegrams_own_name() -> None:
    request = GetHistoryRequest(
        peer=None, offset_id=0, offset_date=None, add_offset=0, limit=1, max_id=0, min_id=0, hash=0
    )
    error = telethon_errors.BadRequestError(request, "SOME_NEW_FAULT", 400)

    assert "SOME_NEW_FAULT" in sort_error(error).message
