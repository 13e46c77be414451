"""What is known to be missing from a day, in the words of its coverage: told, never passed over. Pure."""

from collections.abc import Iterable

from tg_fetcher_dagster.storage.coverage import Loss
from tg_fetcher_dagster.telegram.comments import Comments
from tg_fetcher_dagster.telegram.pages import Hole

UNMAPPED = "it is kept raw and cannot be mapped"
"""How the reason of a loss begins that another version, or a rebuild after a mend, makes good."""


def comments_lost(post_id: int, comments: Comments, *, limit: int) -> Loss | None:
    """Returns what is missing of a post's comments; nothing where they were not wanted (a limit of 0)."""
    if not limit:
        return None
    if comments.outcome == "unavailable":
        return Loss(
            what=f"comments of post {post_id}",
            why=comments.reason or "unknown",
            count=comments.missing or None,
        )
    if not comments.missing:
        return None
    cut = len(comments.messages) >= limit
    return Loss(
        what=f"{comments.missing} of {comments.total} comments of post {post_id}",
        why=f"COMMENTS_LIMIT_PER_MESSAGE={limit}" if cut else "Telegram counts them and did not give them",
        count=comments.missing,
    )


def hole_lost(hole: Hole) -> Loss:
    """Returns a hole in a page as a loss."""
    return Loss(
        what=f"{hole.what} between {hole.first_id} and {hole.last_id}",
        why=hole.why,
        first_id=hole.first_id,
        last_id=hole.last_id,
        count=hole.count,
    )


def undated(message_id: int) -> Loss:
    """Returns that a message among those of a day says nothing of its own day."""
    return Loss(
        what=f"message {message_id}",
        why="it has no date; it is kept among the stragglers",
        first_id=message_id,
        last_id=message_id,
        count=1,
    )


def unmapped(kind: str, message_id: int, why: str) -> Loss:
    """Returns that a message is kept raw, and that this version cannot make it part of the day file."""
    return Loss(
        what=f"{kind} {message_id}",
        why=f"{UNMAPPED}: {why}",
        first_id=message_id if kind == "message" else None,
        last_id=message_id if kind == "message" else None,
        count=1,
    )


def without_unmapped(losses: Iterable[Loss]) -> list[Loss]:
    """Returns the losses of a reading, without those that only this version's mapping made."""
    return [loss for loss in losses if not loss.why.startswith(UNMAPPED)]


def past_lost(reason: str) -> Loss:
    """Returns that what a supergroup was before its migration is not in the day."""
    return Loss(what="messages before the group became a supergroup", why=reason)


def future_lost(reason: str) -> Loss:
    """Returns that a basic group's day lacks what was written after it became a supergroup."""
    return Loss(what="messages after the group became a supergroup", why=reason)


def hidden(available_min_id: int) -> Loss:
    """Returns that a day begins with messages that the group hides from those who joined later."""
    return Loss(
        what=f"messages up to number {available_min_id}",
        why="the group hides them from the account",
        first_id=1,
        last_id=available_min_id,
    )
