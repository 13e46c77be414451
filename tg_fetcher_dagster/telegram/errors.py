"""Telethon's and the network's errors, sorted into ours: one line for the user each.

What a name means stands in `error_rows.py`. A name that stands nowhere is an internal error with Telegram's
name in the line: it fails its chat and alarms, so that nothing unknown is taken for an empty day, and it
never puts an account aside.
"""

import asyncio
import re

from telethon import errors as telethon_errors
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.error_rows import FROZEN, ROWS, Account, Row
from tg_fetcher_dagster.telegram.error_strangers import STRANGERS

UNKNOWN_KEY, TOO_MANY = 404, 429
"""Transport errors (https://core.telegram.org/mtproto/mtproto-transports#transport-errors), made positive."""

LONG_REST = 86_400.0
"""Seconds before a limited account (PEER_FLOOD) is asked with again. Telegram names no time, people tell of
days: once a day is often enough to notice its end."""

SOME_REST = 300.0
"""Seconds before a method is called again whose refusal is of the kind of floods and names no time."""

SERVERS, FLOODS = 500, 420
"""Codes whose families are sorted by themselves, whatever the name."""

_NAMES: dict[type, str] = {error_class: name.upper() for name, error_class in rpc_errors_dict.items()} | {
    error_class: pattern.replace(r"(\d+)", "X") for pattern, error_class in rpc_errors_re
}
_NUMBER = re.compile(r"(?<=_)\d+(?=_|MIN|$)")
_WAIT = re.compile(r"(?:[A-Z]+_)*(?:FLOOD|WAIT)(?:_[A-Z]+)*_(\d+)")


class DamagedAnswerError(Exception):
    """What came in answer cannot be read, and not for a constructor that is unknown."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(f"the answer is damaged: {type(reason).__name__}: {_one_line(reason)}")


class UnreachableError(ConnectionError):
    """No connection to Telegram can be made."""


class UnknownConstructorError(FetchError):
    """An answer holds something that is newer than this Telethon; the connection is as good as before.

    Asking again for the same gives the same; asking for less may leave it out.

    Attributes:
        constructor_id: its number in Telegram's schema.
    """

    def __init__(self, constructor_id: int, *, about: str) -> None:
        super().__init__(
            ErrorType.INTERNAL,
            f"{about}: Telegram sent the constructor {constructor_id:08x}, newer than this Telethon",
        )
        self.constructor_id = constructor_id


EXPECTED = (
    telethon_errors.RPCError,
    telethon_errors.AuthKeyNotFound,
    telethon_errors.TypeNotFoundError,
    telethon_errors.InvalidBufferError,
    telethon_errors.InvalidChecksumError,
    telethon_errors.SecurityError,
    telethon_errors.BadMessageError,
    telethon_errors.ReadCancelledError,
    asyncio.IncompleteReadError,
    DamagedAnswerError,
    OSError,
)
"""What a link and Telethon are known to raise: these are sorted, all else is a fault of our own and stays
visible.

`TimeoutError` and `ConnectionError` are `OSError`s.
"""


def sort_error(error: BaseException, *, about: str = "Telegram") -> FetchError:
    """Returns the failure that an error of Telethon or of the network is.

    Args:
        error: one of `EXPECTED`; a `FetchError` is returned as it is.
        about: what the line is about: `chat ru_python`, `account main`.
    """
    if isinstance(error, FetchError):
        return error
    if isinstance(error, telethon_errors.TypeNotFoundError):
        # An alarm, not an empty day (telegram.md, 20).
        return UnknownConstructorError(error.invalid_constructor_id, about=about)
    seconds = rest_of(error)
    if isinstance(error, telethon_errors.RPCError):
        row = row_of(error)
        return FetchError(row.sort, f"{about}: {row.text} ({error_name(error)})", retry_after=seconds)
    sort, text = _beside_the_protocol(error)
    return FetchError(sort, f"{about}: {text}", retry_after=seconds)


def row_of(error: telethon_errors.RPCError) -> Row:
    """Returns what an answer means: by its name, or by its code's family where no row has the name."""
    name = error_name(error)
    row = ROWS.get(_NUMBER.sub("X", name))
    if row is not None:
        return row
    if name.startswith("FROZEN_"):
        return FROZEN
    seconds = flood_seconds(error)
    if seconds is not None:
        return Row(ErrorType.RATE_LIMIT, f"Telegram asks to wait {seconds:.0f} s")
    code = abs(error.code or 0)
    if code // 100 * 100 == SERVERS:
        return Row(ErrorType.NETWORK, "Telegram's servers are having trouble")
    if code == FLOODS:
        return Row(ErrorType.RATE_LIMIT, "Telegram asks for a pause")
    return Row(ErrorType.INTERNAL, "Telegram refused for a reason that this program does not know")


def is_alarm(error: BaseException) -> bool:
    """True where somebody should look: an answer that is unknown or unreadable, or a fault of ours."""
    if isinstance(error, telethon_errors.RPCError):
        return row_of(error).sort is ErrorType.INTERNAL
    return isinstance(error, telethon_errors.TypeNotFoundError)


def account_after(error: BaseException) -> Account:
    """Returns what an error says of the account that asked."""
    return row_of(error).account if isinstance(error, telethon_errors.RPCError) else Account.GOES_ON


def flood_seconds(error: BaseException) -> float | None:
    """Returns how long Telegram asks to wait before this method, or None where it does not."""
    if isinstance(error, telethon_errors.FloodError) and hasattr(error, "seconds"):
        return float(error.seconds)
    if isinstance(error, telethon_errors.RPCError) and type(error) not in _NAMES:
        wait = _WAIT.fullmatch(str(error.message or "").upper())
        return float(wait[1]) if wait else None
    return None


def rest_of(error: BaseException) -> float | None:
    """Returns the seconds before another try, where Telegram wants a pause: those it names, or ours."""
    seconds = flood_seconds(error)
    if seconds is not None:
        return seconds
    if isinstance(error, telethon_errors.RPCError) and row_of(error).sort is ErrorType.RATE_LIMIT:
        return LONG_REST if account_after(error) is Account.ENDS_RUN else SOME_REST
    return 60.0 if transport_code(error) == TOO_MANY else None


def transport_code(error: BaseException) -> int | None:
    """Returns the code of a transport error, made positive: 404 for an unknown key, 429 for a flood."""
    if isinstance(error, telethon_errors.AuthKeyNotFound):
        return UNKNOWN_KEY
    return error.code if isinstance(error, telethon_errors.InvalidBufferError) else None


def error_name(error: BaseException) -> str:
    """Returns Telegram's own name of an error (`CHANNEL_PRIVATE`, `USER_MIGRATE_X`), or the class's."""
    if not isinstance(error, telethon_errors.RPCError):
        return type(error).__name__
    name = _NAMES.get(type(error))
    if name is not None:
        return name
    said = str(error.message or "")
    return said.upper() if said and " " not in said else type(error).__name__


def why_stranger(name: str) -> str | None:
    """Returns why no request of ours should meet a name, or None where nothing is known of it."""
    return next((reason for reason, names in STRANGERS.items() if _NUMBER.sub("X", name) in names), None)


def _beside_the_protocol(error: BaseException) -> tuple[ErrorType, str]:
    """Sorts what is no answer of Telegram's."""
    code = transport_code(error)
    if code == UNKNOWN_KEY:
        return (
            ErrorType.AUTH,
            "the server does not know the session's key; sign in again with tg-fetcher login",
        )
    if code == TOO_MANY:
        return ErrorType.RATE_LIMIT, "Telegram refuses further connections for a while"
    if isinstance(error, UnreachableError):
        return ErrorType.TELEGRAM_AWAY, _one_line(error)
    if isinstance(error, TimeoutError):
        return ErrorType.NETWORK, "no answer in time"
    if isinstance(error, EXPECTED):
        return ErrorType.NETWORK, f"the connection failed: {_one_line(error)}"
    return ErrorType.INTERNAL, f"{type(error).__name__}: {_one_line(error)}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
