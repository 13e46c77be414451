"""Who replied to whom within a day, gathered while the messages stream past."""

from array import array

from tg_fetcher_dagster.messages.schema import Threads


class ThreadGathering:
    """Keeps two whole numbers a message (and two more a reply); the tree is made once, at the end."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._children = array("q")
        self._parents = array("q")

    def add(self, message_id: int, reply_to_msg_id: int | None) -> None:
        """Takes in one message; `reply_to_msg_id` may be a message of another day."""
        self._ids.append(message_id)
        # An answer is younger than what it answers; a header that says otherwise would make a ring.
        if reply_to_msg_id is not None and reply_to_msg_id < message_id:
            self._children.append(message_id)
            self._parents.append(reply_to_msg_id)

    def threads(self) -> Threads:
        """Returns the day's trees; a reply to what is not of this day is a root."""
        of_the_day = set(self._ids)
        replies = sorted(
            (child, parent)
            for child, parent in zip(self._children, self._parents, strict=True)
            if parent in of_the_day
        )
        parent_to_children: dict[int, list[int]] = {}
        depth: dict[int, int] = {}
        for child, parent in replies:
            parent_to_children.setdefault(parent, []).append(child)
            depth[child] = depth.get(parent, 0) + 1
        of_the_day.difference_update(depth)
        # Nothing is gained by validating what was just made, and 200,000 ids would be held twice.
        return Threads.model_construct(
            roots=sorted(of_the_day), parent_to_children=parent_to_children, depth=depth
        )
