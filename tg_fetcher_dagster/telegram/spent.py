"""What an account's requests have cost so far. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on Telegram, or between two moments.

    Attributes:
        requests: sent, repeats included.
        repeats: requests that were sent again since a connection or a server failed.
        waited: seconds of flood waits.
    """

    requests: int = 0
    repeats: int = 0
    waited: float = 0.0

    def since(self, before: "Spent") -> "Spent":
        """Returns what was spent after another moment."""
        return Spent(
            self.requests - before.requests, self.repeats - before.repeats, self.waited - before.waited
        )
