"""Who wrote that day, counted while the messages stream past."""

from collections import Counter

from tg_fetcher_dagster.messages.peers import Names
from tg_fetcher_dagster.messages.people import People
from tg_fetcher_dagster.messages.schema import Participant, Person


class ParticipantCount:
    """Counts messages and comments by sender."""

    def __init__(self) -> None:
        self._messages: Counter[int] = Counter()
        self._comments: Counter[int] = Counter()

    def add_message(self, sender_id: int | None) -> None:
        """Counts one message of the chat; nobody named, nobody counted."""
        if sender_id is not None:
            self._messages[sender_id] += 1

    def add_comment(self, sender_id: int | None) -> None:
        """Counts one comment under a post."""
        if sender_id is not None:
            self._comments[sender_id] += 1

    def ids(self) -> list[int]:
        """Returns everybody who wrote, by marked id."""
        return sorted(self._messages.keys() | self._comments.keys())

    def participants(self, names: Names, people: People) -> list[Participant]:
        """Returns everybody who wrote: most messages first, then most comments, then by id."""
        ordered = sorted(self.ids(), key=lambda peer: (-self._messages[peer], -self._comments[peer], peer))
        return [
            Participant(
                id=peer,
                name=names.name(peer),
                message_count=self._messages[peer],
                comment_count=self._comments[peer] or None,
                **people.details(peer),
            )
            for peer in ordered
        ]

    def mentioned(self, names: Names, people: People) -> list[Person]:
        """Returns everybody whom the day's pages name and who did not write, by id."""
        others = sorted(set(names.known()).difference(self.ids()))
        return [Person(id=peer, name=names.name(peer), **people.details(peer)) for peer in others]
