"""What is known to be missing from a day, beside what the walk met: told, never passed over. Pure."""

from datetime import date

from tg_fetcher_dagster.commands.identity import ChatIdentity
from tg_fetcher_dagster.storage.coverage import Loss

FIRST_ID = 1
"""A supergroup's first message, which tells of its migration: https://core.telegram.org/api/channel."""


def before_migration(
    identity: ChatIdentity, day: date, *, newest_id: int | None, oldest_id: int | None
) -> Loss | None:
    """Returns what a day misses from before a basic group became this supergroup (telegram.md, 9).

    Days before that come out empty here, and without this they would read as days on which nobody wrote;
    the day of the migration itself may lack its beginning. Where neither the chat's first day nor an id
    decides, an empty day says what may be missing.

    Args:
        identity: whose day it is.
        day: which day.
        newest_id: upper end of the ids that the day's scan covered; None where no message bounds it.
        oldest_id: the day's oldest message; None for an empty day.
    """
    if identity.migrated_from_chat_id is None:
        return None
    first_day = identity.first_message_date
    begins_here = oldest_id == FIRST_ID or (first_day is not None and day == first_day)
    ends_before = newest_id is not None and newest_id < FIRST_ID
    is_before = oldest_id is None and (ends_before or (first_day is not None and day < first_day))
    undecided = oldest_id is None and first_day is None and newest_id is None
    if not (begins_here or is_before or undecided):
        return None
    return Loss(
        what="messages before the group became a supergroup" + (", if it was later" if undecided else ""),
        why=f"they belong to chat_{identity.migrated_from_chat_id}: fetch that chat",
    )
