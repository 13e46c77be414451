"""A day that was read or replayed: which ids were scanned, and its files as they will be. Pure."""

from dataclasses import dataclass
from typing import Any

from tg_fetcher_dagster.messages.day import DayStatistics, MappingOptions
from tg_fetcher_dagster.storage.day_draft import Assembled
from tg_fetcher_dagster.storage.day_writer import SideFiles


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """The interval of message ids that a day's scan covered; None where no message bounds it."""

    newest_id: int | None
    oldest_id: int | None


@dataclass(frozen=True, kw_only=True)
class MadeDay:
    """A day's files as they will be; nothing of them is visible yet."""

    assembled: Assembled
    sides: SideFiles
    statistics: DayStatistics
    comment_count: int

    def facts(self, options: MappingOptions) -> dict[str, Any]:
        """Returns what a coverage says of a day's files (its OF_THE_FILES), but for their sizes."""
        return {
            "message_count": self.statistics.message_count,
            "comment_count": self.comment_count,
            "checksum_sha256": self.assembled.checksum_sha256,
            "size_bytes": self.assembled.size_bytes,
            "newest_message_id": self.statistics.newest_id,
            "first_message_ts": self.statistics.first_message_ts,
            "last_message_ts": self.statistics.last_message_ts,
            "estimated_tokens_total": self.statistics.estimated_tokens_total,
            "schema_version": options.schema_version,
            "preprocessing_version": options.preprocessing_version,
        }
