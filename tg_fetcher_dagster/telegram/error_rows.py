"""Telegram's errors by name: what each means, which sort it is, and what it does to the account.

The names are Telegram's own (https://core.telegram.org/api/errors); an `X` stands for a number. A name
decides, never its code: frozen accounts answer under 400, 406 and 420 (telegram.md, 32). Names that no
method of ours can meet stand in `error_strangers.py`; a test walks everything that Telethon knows and finds
each name in one of the two.
"""

from enum import Enum
from typing import NamedTuple

from tg_fetcher_dagster.errors import ErrorType


class Account(Enum):
    """What an answer says of the account that asked."""

    GOES_ON = "goes on"
    """It concerns one request or one chat."""
    ENDS_RUN = "ends the run"
    """Every further request would fail the same: none is sent in this run; the next one may try again."""
    QUARANTINE = "quarantine"
    """Nothing but a person's sign-in helps: the account is put aside. Only for names that say without a
    doubt that the key, the session or the account has ended: a good account in quarantine reads nothing."""


class Row(NamedTuple):
    """One answer.

    Attributes:
        sort: what can be done about it.
        text: the line for the user, without the name.
        account: what it says of the account.
    """

    sort: ErrorType
    text: str
    account: Account = Account.GOES_ON


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _all(line: str, names: str) -> dict[str, str]:
    return dict.fromkeys(_names(names), line)


_SIGN_IN = "sign in again with tg-fetcher login"
_APP = "look into the Telegram app"
_FROM_MY_TELEGRAM = "take TELEGRAM_API_ID and TELEGRAM_API_HASH from https://my.telegram.org"
_MOVED = f"the account belongs to another data centre of Telegram now; {_SIGN_IN}"
_NO_MEMBER = "the account is no member of the chat: join it with the account"
_TROUBLE = "Telegram's servers are having trouble"
_OUR_REQUEST = "Telegram does not understand a request of this program"
_OUR_GREETING = "Telegram refuses how this program introduces itself"

FROZEN = Row(ErrorType.AUTH, f"the account is frozen by Telegram; {_APP} to appeal", Account.QUARANTINE)
"""Each name that begins with `FROZEN_`."""

_ENDED = {
    "AUTH_KEY_UNREGISTERED": f"the session is signed out; {_SIGN_IN}",
    "AUTH_KEY_INVALID": f"Telegram does not know the session's key; {_SIGN_IN}",
    "AUTH_KEY_DUPLICATED": (
        f"the session was used from two addresses at once and Telegram has ended it; {_SIGN_IN}"
    ),
    "SESSION_REVOKED": f"the session was ended from another device; {_SIGN_IN}",
    "SESSION_EXPIRED": f"the session has expired; {_SIGN_IN}",
    "SESSION_PASSWORD_NEEDED": "the account asks for its 2FA password: tg-fetcher login",
    "USER_DEACTIVATED": f"the account is deleted or deactivated; {_APP}",
    "USER_DEACTIVATED_BAN": f"the account is banned by Telegram; {_APP}",
}
"""AUTH, and the account goes into quarantine."""

_USELESS_FOR_NOW = {
    "ACTIVE_USER_REQUIRED": f"Telegram takes the session for one that is not signed in; {_SIGN_IN}",
    "AUTH_KEY_PERM_EMPTY": f"Telegram takes the session's key for a temporary one; {_SIGN_IN}",
    "BOT_METHOD_INVALID": "the account is a bot, and bots may not read histories: sign in as a person",
    "NETWORK_MIGRATE_X": _MOVED,
    "PHONE_MIGRATE_X": _MOVED,
    "USER_MIGRATE_X": _MOVED,
}
"""AUTH, and the run ends; the account stays."""

_GREETING = _all(
    _OUR_GREETING,
    """
    CDN_METHOD_INVALID CONNECTION_APP_VERSION_EMPTY CONNECTION_DEVICE_MODEL_EMPTY
    CONNECTION_LANG_PACK_INVALID CONNECTION_LAYER_INVALID CONNECTION_NOT_INITED CONNECTION_SYSTEM_EMPTY
    CONNECTION_SYSTEM_LANG_CODE_EMPTY INPUT_LAYER_INVALID LANG_CODE_INVALID LANG_CODE_NOT_SUPPORTED
    LANG_PACK_INVALID
    """,
)
"""INTERNAL, and the run ends."""

_API_ID = {
    "API_ID_INVALID": f"the api id and hash do not match; {_FROM_MY_TELEGRAM}",
    "API_ID_PUBLISHED_FLOOD": f"this api id is blocked; {_FROM_MY_TELEGRAM}",
    "CONNECTION_API_ID_INVALID": f"the api id is wrong; {_FROM_MY_TELEGRAM}",
}
"""VALIDATION, and the run ends."""

_SIGNING_IN = {
    "AUTH_RESTART": "Telegram wants the sign-in to begin again: try once more",
    "AUTH_TOKEN_ALREADY_ACCEPTED": "the QR code was used already: ask for another one",
    "AUTH_TOKEN_EXCEPTION": "Telegram could not take the QR code: ask for another one",
    "AUTH_TOKEN_EXPIRED": "the QR code has expired: ask for another one",
    "AUTH_TOKEN_INVALID": "the QR code is wrong: ask for another one",
    "AUTH_TOKEN_INVALID2": "the QR code is wrong: ask for another one",
    "AUTH_TOKEN_INVALIDX": "the QR code is wrong: ask for another one",
    "PASSWORD_EMPTY": "the 2FA password is empty",
    "PASSWORD_HASH_INVALID": "the 2FA password is wrong",
    "PHONE_CODE_EMPTY": "the code is empty",
    "PHONE_CODE_EXPIRED": "the code has expired: ask for another one",
    "PHONE_CODE_HASH_EMPTY": "the code belongs to no request: ask for another one",
    "PHONE_CODE_INVALID": "the code is wrong",
    "PHONE_HASH_EXPIRED": "the code has expired: ask for another one",
    "PHONE_NOT_OCCUPIED": "no account has this phone number: sign up in the Telegram app first",
    "PHONE_NUMBER_APP_SIGNUP_FORBIDDEN": (
        "no account has this phone number: sign up in the Telegram app first"
    ),
    "PHONE_NUMBER_INVALID": "no such phone number: + and the country's code first",
    "PHONE_NUMBER_UNOCCUPIED": "no account has this phone number: sign up in the Telegram app first",
    "PHONE_PASSWORD_PROTECTED": "the phone number is protected by a password: sign in with a QR code",
    "SEND_CODE_UNAVAILABLE": "Telegram has no further way to send a code: sign in with a QR code",
    "SMS_CODE_CREATE_FAILED": "Telegram could not make a code: try again, or sign in with a QR code",
    "SRP_ID_INVALID": "the 2FA password was asked for anew meanwhile: try again",
    "SRP_PASSWORD_CHANGED": "the 2FA password was changed meanwhile: try again",
    "UPDATE_APP_TO_LOGIN": "Telegram wants a newer program for a sign-in: update Telethon",
    "APNS_VERIFY_CHECK_X": "Telegram wants the sign-in to be done in its own app: use a QR code",
    "INTEGRITY_CHECK_CLASSIC_X": "Telegram wants the sign-in to be done in its own app: use a QR code",
    "RECAPTCHA_CHECK_X": "Telegram wants the sign-in to be done in its own app: use a QR code",
}
"""VALIDATION: a person types or scans again."""

_MAKES_NO_SENSE = {
    "BROADCAST_REQUIRED": "only a channel can be asked for this",
    "CHANNEL_MONOFORUM_UNSUPPORTED": "a channel's direct messages cannot be read this way",
    "MEGAGROUP_REQUIRED": "only a supergroup can be asked for this",
}
"""VALIDATION: of a chat of this kind."""

_LIMITED = {
    "FLOOD": "Telegram asks for a pause",
    "PHONE_NUMBER_FLOOD": "too many codes were asked for: try again tomorrow",
    "PHONE_PASSWORD_FLOOD": "too many wrong passwords: try again tomorrow",
}
"""RATE_LIMIT; the waits with seconds in their name are known by that."""

_NOT_FOUND = {
    "CHANNEL_FORUM_MISSING": "the chat has no topics",
    "CHANNEL_ID_INVALID": "the account knows no such channel or group",
    "CHANNEL_INVALID": "the account knows no such channel or group",
    "CHAT_ID_INVALID": "the account knows no such group",
    "CHAT_INVALID": "the account knows no such group",
    "MESSAGE_ID_INVALID": "there is no such message",
    "MSG_ID_INVALID": "there is no such message, or nothing is written below it",
    "PEER_ID_INVALID": "the account knows no such chat",
    "PEER_ID_NOT_SUPPORTED": "a chat of this kind cannot be asked for this",
    "TOPIC_DELETED": "the topic is deleted",
    "TOPIC_ID_INVALID": "there is no such topic",
    "USERNAME_INVALID": "no chat can have this name",
    "USERNAME_NOT_OCCUPIED": "no chat has this name",
    "USERNAME_PURCHASE_AVAILABLE": "no chat has this name: it is for sale on Fragment",
    "USER_ID_INVALID": "the account knows no such user",
    "USER_INVALID": "the account knows no such user",
}

_NO_ACCESS = {
    "ACCESS_DENIED": "the account may not read this",
    "BROADCAST_FORBIDDEN": "a channel does not tell this",
    "CHANNEL_BANNED": "the chat is blocked by Telegram",
    "CHANNEL_PARICIPANT_MISSING": _NO_MEMBER,
    "CHANNEL_PRIVATE": (
        "the chat is private and the account is no member, or was removed: join it with the account"
    ),
    "CHANNEL_PUBLIC_GROUP_NA": "the account was removed from the group",
    "CHAT_ACTION_FORBIDDEN": "the account may not read this",
    "CHAT_ADMIN_REQUIRED": "only the chat's administrators may read this",
    "CHAT_FORBIDDEN": "the account may not read the chat",
    "CHAT_RESTRICTED": "the chat is restricted by Telegram",
    "COMMUNITY_PRIVATE": "the community is private and the account is no member: join it with the account",
    "INPUT_USER_DEACTIVATED": "the other user's account is deleted",
    "INVITE_REQUEST_SENT": "the account has asked to join the chat and was not let in yet",
    "NOT_ALLOWED": "the account may not read this",
    "PREMIUM_ACCOUNT_REQUIRED": "only accounts with Premium may read this",
    "USER_BANNED_IN_CHANNEL": "the account is banned in the chat",
    "USER_KICKED": "the account was removed from the chat",
    "USER_NOT_PARTICIPANT": _NO_MEMBER,
    "USER_PERMISSION_DENIED": "the account may not read this",
}

_NETWORK = {
    "TIMEOUT": "Telegram's servers did not answer in time",
    "TIMEDOUT": "Telegram's servers did not answer in time",
    "MSG_WAIT_FAILED": "a request that this one waited for has failed at Telegram",
} | _all(
    _TROUBLE,
    """
    API_CALL_ERROR APICALLERROR AUTH_KEY_UNSYNCHRONIZED CHAT_GET_FAILED CHP_CALL_FAIL HISTORY_GET_FAILED
    INTERDC_X_CALL_ERROR INTERDC_X_CALL_RICH_ERROR MEMBER_FETCH_FAILED MEMBER_NO_LOCATION
    MSGID_DECREASE_RETRY MSG_RANGE_UNSYNC MT_SEND_QUEUE_TOO_LONG NEED_CHAT_INVALID NEED_MEMBER_INVALID
    PARTICIPANT_CALL_FAILED POSTPONED_TIMEOUT RPC_CALL_FAIL RPC_CONNECT_FAILED RPC_MCGET_FAIL
    RPC_SEND_FAIL SIGN_IN_FAILED STORE_INVALID_SCALAR_TYPE UNKNOWN_ERROR WORKER_BUSY_TOO_LONG_RETRY
    """,
)
"""NETWORK: worth another try; so is every other answer of the 500 family."""

_OURS = _all(
    _OUR_REQUEST,
    """
    CHAT_ID_EMPTY DATE_EMPTY FOLDER_ID_INVALID FROM_PEER_INVALID HASH_INVALID INPUT_CONSTRUCTOR_INVALID
    INPUT_FETCH_ERROR INPUT_FETCH_ERROR_X INPUT_FETCH_FAIL INPUT_METHOD_INVALID INPUT_METHOD_INVALID_X
    INPUT_PEERS_EMPTY INPUT_REQUEST_TOO_LONG LIMIT_INVALID MAX_DATE_INVALID MAX_ID_INVALID
    MESSAGE_IDS_EMPTY METHOD_INVALID MIN_DATE_INVALID OFFSET_INVALID OFFSET_PEER_ID_INVALID
    PEERS_LIST_EMPTY TYPE_CONSTRUCTOR_INVALID UNKNOWN_METHOD
    """,
)
"""INTERNAL: a fault of ours, of one request."""


def _rows(sort: ErrorType, texts: dict[str, str], account: Account = Account.GOES_ON) -> dict[str, Row]:
    return {name: Row(sort, text, account) for name, text in texts.items()}


ROWS: dict[str, Row] = {
    "FROZEN_METHOD_INVALID": FROZEN,
    "FROZEN_PARTICIPANT_MISSING": FROZEN,
    "PHONE_NUMBER_BANNED": Row(ErrorType.AUTH, "the phone number is banned by Telegram"),
    "PEER_FLOOD": Row(
        ErrorType.RATE_LIMIT, "Telegram has limited the account (@SpamBot says why)", Account.ENDS_RUN
    ),
    **_rows(ErrorType.AUTH, _ENDED, Account.QUARANTINE),
    **_rows(ErrorType.AUTH, _USELESS_FOR_NOW, Account.ENDS_RUN),
    **_rows(ErrorType.INTERNAL, _GREETING, Account.ENDS_RUN),
    **_rows(ErrorType.VALIDATION, _API_ID, Account.ENDS_RUN),
    **_rows(ErrorType.VALIDATION, _SIGNING_IN),
    **_rows(ErrorType.VALIDATION, _MAKES_NO_SENSE),
    **_rows(ErrorType.RATE_LIMIT, _LIMITED),
    **_rows(ErrorType.NOT_FOUND, _NOT_FOUND),
    **_rows(ErrorType.NO_ACCESS, _NO_ACCESS),
    **_rows(ErrorType.NETWORK, _NETWORK),
    **_rows(ErrorType.INTERNAL, _OURS),
}
"""Every name that a request of ours can meet."""

WAITS = _names(
    "FLOOD_WAIT_X FLOOD_PREMIUM_WAIT_X FLOOD_TEST_PHONE_WAIT_X SLOWMODE_WAIT_X TAKEOUT_INIT_DELAY_X"
)
"""RATE_LIMIT with its seconds in the name."""
