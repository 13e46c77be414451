"""Telethon's and the network's errors, sorted into ours: one table, one line for the user each.

The names are Telegram's own (https://core.telegram.org/api/errors); what stands in no row is an internal
error with Telegram's name in the line, so that nothing unknown is taken for an empty day.
"""

import asyncio

from telethon import errors as telethon_errors
from telethon.errors.rpcerrorlist import rpc_errors_dict

from tg_fetcher_dagster.errors import ErrorType, FetchError

_SIGN_IN = "sign in again with tg-fetcher login"
_APP = "look into the Telegram app"
_TOO_MANY = 429
"""HTTP's code, which Telegram uses at the transport level."""
_FROM_MY_TELEGRAM = "take TELEGRAM_API_ID and TELEGRAM_API_HASH from https://my.telegram.org"

ROWS: dict[str, tuple[ErrorType, str]] = {
    "AUTH_KEY_UNREGISTERED": (ErrorType.AUTH, f"the session is signed out; {_SIGN_IN}"),
    "AUTH_KEY_INVALID": (ErrorType.AUTH, f"Telegram does not know the session's key; {_SIGN_IN}"),
    "AUTH_KEY_PERM_EMPTY": (ErrorType.AUTH, f"the session's key is not bound to an account; {_SIGN_IN}"),
    "AUTH_KEY_DUPLICATED": (
        ErrorType.AUTH,
        f"the session was used from two addresses at once and Telegram has ended it; {_SIGN_IN}",
    ),
    "SESSION_REVOKED": (ErrorType.AUTH, f"the session was ended from another device; {_SIGN_IN}"),
    "SESSION_EXPIRED": (ErrorType.AUTH, f"the session has expired; {_SIGN_IN}"),
    "SESSION_PASSWORD_NEEDED": (ErrorType.AUTH, "the account asks for its 2FA password: tg-fetcher login"),
    "USER_DEACTIVATED": (ErrorType.AUTH, f"the account is deleted or deactivated; {_APP}"),
    "USER_DEACTIVATED_BAN": (ErrorType.AUTH, f"the account is banned by Telegram; {_APP}"),
    "FROZEN_METHOD_INVALID": (ErrorType.AUTH, f"the account is frozen by Telegram; {_APP} to appeal"),
    "PHONE_NUMBER_BANNED": (ErrorType.AUTH, "the phone number is banned by Telegram"),
    "PHONE_NUMBER_INVALID": (ErrorType.VALIDATION, "no such phone number: + and the country's code first"),
    "PHONE_NUMBER_UNOCCUPIED": (
        ErrorType.VALIDATION,
        "no account has this phone number: sign up in the Telegram app first",
    ),
    "PHONE_CODE_INVALID": (ErrorType.VALIDATION, "the code is wrong"),
    "PHONE_CODE_EMPTY": (ErrorType.VALIDATION, "the code is empty"),
    "PHONE_CODE_EXPIRED": (ErrorType.VALIDATION, "the code has expired: ask for another one"),
    "PASSWORD_HASH_INVALID": (ErrorType.VALIDATION, "the 2FA password is wrong"),
    "AUTH_TOKEN_EXPIRED": (ErrorType.VALIDATION, "the QR code has expired: ask for another one"),
    "API_ID_INVALID": (ErrorType.VALIDATION, f"the api id and hash do not match; {_FROM_MY_TELEGRAM}"),
    "API_ID_PUBLISHED_FLOOD": (ErrorType.VALIDATION, f"this api id is blocked; {_FROM_MY_TELEGRAM}"),
    "CONNECTION_API_ID_INVALID": (ErrorType.VALIDATION, f"the api id is wrong; {_FROM_MY_TELEGRAM}"),
    "PHONE_NUMBER_FLOOD": (ErrorType.RATE_LIMIT, "too many codes were asked for: try again tomorrow"),
    "PHONE_PASSWORD_FLOOD": (ErrorType.RATE_LIMIT, "too many wrong passwords: try again tomorrow"),
    "PEER_FLOOD": (ErrorType.RATE_LIMIT, "Telegram has limited the account for a while (@SpamBot says why)"),
    "FLOOD": (ErrorType.RATE_LIMIT, "Telegram asks for a pause"),
    "USERNAME_NOT_OCCUPIED": (ErrorType.NOT_FOUND, "no chat has this name"),
    "USERNAME_INVALID": (ErrorType.NOT_FOUND, "no chat can have this name"),
    "CHANNEL_INVALID": (ErrorType.NOT_FOUND, "the account knows no such channel or group"),
    "CHANNEL_ID_INVALID": (ErrorType.NOT_FOUND, "the account knows no such channel or group"),
    "CHAT_ID_INVALID": (ErrorType.NOT_FOUND, "the account knows no such group"),
    "CHAT_INVALID": (ErrorType.NOT_FOUND, "the account knows no such group"),
    "PEER_ID_INVALID": (ErrorType.NOT_FOUND, "the account knows no such chat"),
    "USER_ID_INVALID": (ErrorType.NOT_FOUND, "the account knows no such user"),
    "MSG_ID_INVALID": (ErrorType.NOT_FOUND, "there is no such message, or nothing is written below it"),
    "CHANNEL_PRIVATE": (
        ErrorType.NO_ACCESS,
        "the chat is private and the account is no member, or was removed: join it with the account",
    ),
    "CHANNEL_PUBLIC_GROUP_NA": (ErrorType.NO_ACCESS, "the account was removed from the group"),
    "CHANNEL_BANNED": (ErrorType.NO_ACCESS, "the chat is blocked by Telegram"),
    "CHAT_FORBIDDEN": (ErrorType.NO_ACCESS, "the account may not read the chat"),
    "CHAT_RESTRICTED": (ErrorType.NO_ACCESS, "the chat is restricted by Telegram"),
    "CHAT_ADMIN_REQUIRED": (ErrorType.NO_ACCESS, "only the chat's administrators may read this"),
    "USER_BANNED_IN_CHANNEL": (ErrorType.NO_ACCESS, "the account is banned in the chat"),
    "INPUT_USER_DEACTIVATED": (ErrorType.NO_ACCESS, "the other user's account is deleted"),
    "TIMEOUT": (ErrorType.NETWORK, "Telegram's servers did not answer in time"),
    "RPC_CALL_FAIL": (ErrorType.NETWORK, "Telegram's servers are having trouble"),
    "RPC_MCGET_FAIL": (ErrorType.NETWORK, "Telegram's servers are having trouble"),
}
"""Telegram's error to our sort and line."""

_NAMES: dict[type, str] = {error_class: name.upper() for name, error_class in rpc_errors_dict.items()}

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
    OSError,
)
"""What Telethon is known to raise: these are sorted, all else is a fault of our own and stays visible.

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
    sort, text, retry_after = _sorted(error)
    return FetchError(sort, f"{about}: {text}", retry_after=retry_after)


def flood_seconds(error: BaseException) -> float | None:
    """Returns how long Telegram asks to wait before this method, or None where it does not."""
    if isinstance(
        error,
        telethon_errors.FloodWaitError
        | telethon_errors.FloodPremiumWaitError
        | telethon_errors.FloodTestPhoneWaitError
        | telethon_errors.SlowModeWaitError,
    ):
        return float(error.seconds)
    return None


def error_name(error: BaseException) -> str:
    """Returns Telegram's own name of an error (`CHANNEL_PRIVATE`), or the class's."""
    if not isinstance(error, telethon_errors.RPCError):
        return type(error).__name__
    name = _NAMES.get(type(error))
    if name is not None:
        return name
    said = str(error.message or "")
    return said.upper() if said and " " not in said else type(error).__name__


def _sorted(error: BaseException) -> tuple[ErrorType, str, float | None]:
    seconds = flood_seconds(error)
    if seconds is not None:
        return ErrorType.RATE_LIMIT, f"Telegram asks to wait {seconds:.0f} s", seconds
    if isinstance(error, telethon_errors.TakeoutInitDelayError):
        return ErrorType.RATE_LIMIT, f"Telegram allows the export in {error.seconds} s", float(error.seconds)
    if isinstance(error, telethon_errors.InvalidBufferError) and error.code == _TOO_MANY:
        return ErrorType.RATE_LIMIT, "Telegram refuses further connections for a while", 60.0
    if isinstance(error, telethon_errors.RPCError):
        name = error_name(error)
        sort, text = ROWS.get(name) or _by_code(error, name)
        return sort, f"{text} ({name})", None
    return (*_beside_the_protocol(error), None)


def _beside_the_protocol(error: BaseException) -> tuple[ErrorType, str]:
    """Sorts what is no answer of Telegram's."""
    if isinstance(error, telethon_errors.AuthKeyNotFound):
        return ErrorType.AUTH, f"the server does not know the session's key; {_SIGN_IN}"
    if isinstance(error, telethon_errors.TypeNotFoundError):
        # An alarm, not an empty day (telegram.md, 20).
        constructor = f"{error.invalid_constructor_id:08x}"
        return ErrorType.INTERNAL, f"Telegram sent the constructor {constructor}, newer than this Telethon"
    if isinstance(error, TimeoutError):
        return ErrorType.NETWORK, "no answer in time"
    if isinstance(error, EXPECTED):
        return ErrorType.NETWORK, f"the connection failed: {_one_line(error)}"
    return ErrorType.INTERNAL, f"{type(error).__name__}: {_one_line(error)}"


def _by_code(error: BaseException, name: str) -> tuple[ErrorType, str]:
    """Sorts what stands in no row by the code of Telegram's answer."""
    if isinstance(error, telethon_errors.ServerError | telethon_errors.TimedOutError):
        return ErrorType.NETWORK, "Telegram's servers are having trouble"
    # Telethon calls every 406 an AuthKeyError, but most are refusals of one request, and an account that is
    # put aside for one of those reads nothing any more.
    if isinstance(error, telethon_errors.UnauthorizedError) or name.startswith("AUTH_KEY"):
        return ErrorType.AUTH, f"Telegram refuses the session; {_SIGN_IN}"
    if isinstance(error, telethon_errors.FloodError):
        return ErrorType.RATE_LIMIT, "Telegram asks for a pause"
    return ErrorType.INTERNAL, f"Telegram refused with {name}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
