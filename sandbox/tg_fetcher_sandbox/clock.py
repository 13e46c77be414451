"""The server's clock: the machine's own, or so many seconds off, as a client with a wrong clock sees it."""

import time
from datetime import UTC, datetime


class Clock:
    """What the server takes for the time.

    Attributes:
        offset: seconds that it is ahead of the machine's clock; negative where it is behind.
        stands_at: the Unix time at which it stands still, None where it goes on.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self.stands_at: float | None = None

    def time(self) -> float:
        """Returns the Unix time."""
        return time.time() + self.offset if self.stands_at is None else self.stands_at

    def now(self) -> datetime:
        """Returns the same, aware, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)
