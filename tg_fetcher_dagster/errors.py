"""The sort of an error, decided once: it says whether to retry, delay, dead-letter or alarm.

Every failure that the project reports is a `FetchError` (or becomes one where it is caught); everything
else that looks at failures, from the retry policy to the dead letters, asks only for its `error_type`.
"""

from enum import StrEnum


class ErrorType(StrEnum):
    """What went wrong, sorted by what can be done about it."""

    AUTH = "auth"
    """The account cannot be used (session revoked, banned, frozen): an operator must act; never retried."""
    RATE_LIMIT = "rate_limit"
    """Telegram asked for a pause: wait exactly that long; a long pause gives the run's slot back."""
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


RETRYABLE = frozenset({ErrorType.RATE_LIMIT, ErrorType.NETWORK, ErrorType.STORAGE})


class FetchError(Exception):
    """A failure with its sort and one line for the user.

    Attributes:
        error_type: the sort.
        message: one line: what is wrong, where, and what is allowed. Never holds a secret.
        retry_after: seconds to wait before another try, where the other side named them.
    """

    def __init__(self, error_type: ErrorType, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = " ".join(message.split())
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """True where the same request may succeed later without anybody's help."""
        return self.error_type in RETRYABLE

    def again(self) -> "FetchError":
        """Returns the same failure to be raised once more, without the first one's trace."""
        return FetchError(self.error_type, self.message, retry_after=self.retry_after)

    def __str__(self) -> str:
        return self.message
