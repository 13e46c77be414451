"""When so many messages are gone from a day that one reading is not believed. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, slots=True)
class DeletionRule:
    """How much may vanish at once.

    A group that was cleared, an account whose view was cut, a server that answers short: all look like a
    deletion, and the first two may be real.

    Attributes:
        share: of the kept day's messages; less than that is ordinary.
        messages: fewer than that are ordinary, unless the day is empty afterwards.
        confirm_after: how long after the first reading a second one counts.
    """

    share: float
    messages: int
    confirm_after: timedelta

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Returns the rule that the settings ask for."""
        return cls(
            share=settings.deletion_share,
            messages=settings.deletion_messages,
            confirm_after=timedelta(hours=settings.deletion_confirm_hours),
        )

    def doubts(self, *, kept: int, vanished: int, found: int) -> bool:
        """Returns whether a reading is not believed.

        Args:
            kept: messages of the kept day.
            vanished: those of them that the reading lacks.
            found: messages of the reading.
        """
        if not vanished:
            return False
        return not found or (vanished >= self.messages and vanished >= round(self.share * kept, 6))
