"""A day's record written into the end of its raw file, and made again from there. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.storage.coverage import OF_THE_FILES, Coverage, Loss

_NOT_OF_THE_READING = OF_THE_FILES | {"outcome", "changes", "needs_read"}
"""What becomes of a reading later, or is made from its messages again."""

NOT_IN_OLDER_FILES = frozenset({"limit", "duration_seconds", "edge_messages", "event_request"})
"""What the end of an older raw file does not tell."""

TURNED_OFF = "turned off by "
"""How a reason begins that the operator chose: no loss."""


def reading_of(coverage: Coverage) -> dict[str, Any]:
    """Returns all that a coverage says of how the day was read, also keys that later versions add."""
    return coverage.model_dump(mode="json", exclude=set(_NOT_OF_THE_READING))


def reading_in(
    head: Mapping[str, Any], end: Mapping[str, Any], unavailable: Iterable[tuple[int, str]]
) -> dict[str, Any]:
    """Returns what a raw file says of its reading, to be given to a Coverage.

    Older files say less in their end: whether a limit cut the day and on whose behalf it was read is not in
    them, and of the losses only those that can still be seen.

    Args:
        head: the file's first record.
        end: its last record.
        unavailable: posts whose comments could not be read, and why.

    Raises:
        KeyError: a record lacks what every version wrote.
        ValueError: what it holds makes no sense.
    """
    if "reading" in end:
        return dict(end["reading"])
    scanned = end["scanned"]
    lost = [
        Loss(what=f"comments of post {post}", why=why)
        for post, why in unavailable
        if not why.startswith(TURNED_OFF)
    ]
    identity = ChatIdentity.model_validate(head["identity"])
    if identity.migrated_from_chat_id is not None and (not end["messages"] or scanned["oldest_id"] == 1):
        why = f"they belong to chat_{identity.migrated_from_chat_id}"
        lost.append(Loss(what="messages before the group became a supergroup, if it was later", why=why))
    return {
        "chat": head["chat"],
        "date": head["date"],
        "timezone": head["timezone"],
        "final": end["final"],
        "scanned_newest_id": scanned["newest_id"],
        "scanned_oldest_id": scanned["oldest_id"],
        "fetched_at": head["fetched_at"],
        "requests": end["requests"],
        "account_user_id": head.get("account_user_id"),
        "duration_seconds": 0.0,
        "lost": lost,
        "event_request": None,
    }
