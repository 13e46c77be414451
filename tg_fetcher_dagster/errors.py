"""The sort of an error, decided once: it says whether to retry, delay, dead-letter or alarm.

Every failure that the project reports is a `FetchError` (or becomes one where it is caught); everything
else that looks at failures, from the retry policy to the dead letters, asks only for its `error_type`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final


class ErrorType(StrEnum):
    """What went wrong, sorted by what can be done about it."""

    AUTH = "auth"
    """The account cannot be used (session revoked, banned, frozen): an operator must act; never retried."""
    RATE_LIMIT = "rate_limit"
    """Telegram asked for a pause: wait exactly that long; a long pause gives the run's slot back."""
    ACCOUNT_BUSY = "account_busy"
    """Another process uses the account: its turn comes, and nothing has failed."""
    TELEGRAM_AWAY = "telegram_away"
    """No connection to Telegram can be made: nothing was asked, and no chat has anything to do with it."""
    NETWORK = "network"
    """A connection or a server failed: worth another try after a while."""
    NOT_FOUND = "not_found"
    """There is no such chat, and asking again will not make one."""
    NO_ACCESS = "no_access"
    """The chat exists and this account may not read it: not the same as an empty day."""
    VALIDATION = "validation"
    """What was asked makes no sense: a command, a setting, a chat's spelling, a date."""
    STORAGE = "storage"
    """The disk refused (full, read-only, no permission): worth another try, nothing is left half-written."""
    SUSPICIOUS_DELETION = "suspicious_deletion"
    """So many messages are gone that one reading is not believed: the earlier file stays, and a reading a day
    later confirms it, or an operator does; never retried at once."""
    CANCELLED = "cancelled"
    """Somebody said so; asking anew is a new request."""
    INTERNAL = "internal"
    """A fault of our own, or an answer that this version cannot read."""


RETRYABLE = frozenset(
    {
        ErrorType.RATE_LIMIT,
        ErrorType.ACCOUNT_BUSY,
        ErrorType.TELEGRAM_AWAY,
        ErrorType.NETWORK,
        ErrorType.STORAGE,
    }
)


class ErrorSort(StrEnum):
    """What becomes of work that ended with an error; exactly one for each `ErrorType`.

    What a request makes good by itself (a short flood wait, a lost connection) is retried in place and never
    gets here.
    """

    WAITED_FOR = "waited_for"
    """A state of the account or of this host that passes: work rests until then, and no try is used up."""
    RETRIED = "retried"
    """Another try may help, a few times and each after a longer wait."""
    DEAD_LETTERED = "dead_lettered"
    """No try helps: whoever asked is told, and asks for something else."""
    ALARMED = "alarmed"
    """No try helps, and somebody should look: an answer or a fault that nobody has foreseen."""


SORTS = {
    ErrorType.AUTH: ErrorSort.WAITED_FOR,
    ErrorType.RATE_LIMIT: ErrorSort.WAITED_FOR,
    ErrorType.ACCOUNT_BUSY: ErrorSort.WAITED_FOR,
    ErrorType.TELEGRAM_AWAY: ErrorSort.WAITED_FOR,
    ErrorType.STORAGE: ErrorSort.WAITED_FOR,
    ErrorType.NETWORK: ErrorSort.RETRIED,
    ErrorType.NOT_FOUND: ErrorSort.DEAD_LETTERED,
    ErrorType.NO_ACCESS: ErrorSort.DEAD_LETTERED,
    ErrorType.VALIDATION: ErrorSort.DEAD_LETTERED,
    ErrorType.CANCELLED: ErrorSort.DEAD_LETTERED,
    ErrorType.SUSPICIOUS_DELETION: ErrorSort.ALARMED,
    ErrorType.INTERNAL: ErrorSort.ALARMED,
}
"""An account in quarantine is waited for too: a sign-in ends it, and then the work goes on."""

WHAT_TO_DO: Final[Mapping[ErrorType, str]] = {
    ErrorType.AUTH: "sign the account in again (tg-fetcher login): its days wait for that",
    ErrorType.RATE_LIMIT: "nothing: Telegram asks for a pause, and the days are read when it is over",
    ErrorType.ACCOUNT_BUSY: "nothing: the account's turn comes; if it stays, see tg-fetcher status",
    ErrorType.TELEGRAM_AWAY: "nothing at first: the days wait until Telegram answers; if it stays, look at"
    " the network, a firewall, a proxy",
    ErrorType.NETWORK: "nothing at first: it is tried again; if it stays, look at the network, a firewall,"
    " a proxy, then ask again (tg-fetcher failed retry)",
    ErrorType.NOT_FOUND: "correct the chat's name or id, then ask again (tg-fetcher failed retry)",
    ErrorType.NO_ACCESS: "join the chat with the account and ask again (tg-fetcher failed retry), or pause"
    " the chat (tg-fetcher chats pause)",
    ErrorType.VALIDATION: "nothing where another run has the days; else correct what is named here and ask"
    " again",
    ErrorType.STORAGE: "make room on the disk, or see to its rights: the days wait for that",
    ErrorType.SUSPICIOUS_DELETION: "look into the chat: if the messages are gone indeed, tg-fetcher accept"
    " CHAT DATE; a reading a day later decides it, too",
    ErrorType.CANCELLED: "nothing: somebody ended it; what is still wanted can be asked for anew",
    ErrorType.INTERNAL: "tell the makers of this program the reason and the log's stack trace; the days stay"
    " failed until they are asked for again (tg-fetcher failed retry)",
}
"""What a person should do about each sort: the second half of what a failed run says of itself."""


def advice(error_types: Iterable[ErrorType]) -> str:
    """Returns what a person should do about failures: a clause for each sort, named where there are more."""
    sorts = list(dict.fromkeys(error_types))
    if len(sorts) == 1:
        return WHAT_TO_DO[sorts[0]]
    return "; ".join(f"[{sort.value}] {WHAT_TO_DO[sort]}" for sort in sorts)


def waits(error_type: ErrorType) -> bool:
    """Returns whether work that ended so rests until a state has passed, and uses up no try."""
    return SORTS[error_type] is ErrorSort.WAITED_FOR


class FetchError(Exception):
    """A failure with its sort and one line for the user.

    Attributes:
        error_type: the sort.
        message: one line: what is wrong, where, and what is allowed. Never holds a secret.
        retry_after: seconds to wait before another try, where the other side named them.
        retry_at: the moment from which another try is allowed, aware, in UTC; None where nobody knows it.
    """

    def __init__(
        self,
        error_type: ErrorType,
        message: str,
        *,
        retry_after: float | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = " ".join(message.split())
        self.retry_after = retry_after
        self.retry_at = retry_at

    @property
    def retryable(self) -> bool:
        """True where the same request may succeed later without anybody's help."""
        return self.error_type in RETRYABLE

    def again(self) -> "FetchError":
        """Returns the same failure to be raised once more, without the first one's trace."""
        return FetchError(self.error_type, self.message, retry_after=self.retry_after, retry_at=self.retry_at)

    def __str__(self) -> str:
        return self.message
