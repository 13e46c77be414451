"""The kept chats for whoever looks after them: who they are, how they stand, and what to know of them."""

from dataclasses import dataclass

from tg_fetcher_dagster.chats.access import Refusal, refusals
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.known import KnownChats
from tg_fetcher_dagster.chats.stray_partitions import stray_line, stray_partitions
from tg_fetcher_dagster.ledger.database import Connection
from tg_fetcher_dagster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class KeptChat:
    """One chat.

    Attributes:
        address: its @name, else its marked id.
        state: `kept`, `paused`, `no access since ...`, `damaged`.
    """

    key: str
    type: str
    title: str
    address: str
    state: str


@dataclass(frozen=True, kw_only=True)
class KeptChats:
    """All of them.

    Attributes:
        chats: sorted by key; a damaged one has neither type nor title.
        known: the same as identities.
        refused: those that cannot be read, by key.
        lines: what to know of names, access, damage and Dagster's partitions, a line each.
    """

    chats: tuple[KeptChat, ...]
    known: KnownChats
    refused: dict[str, Refusal]
    lines: tuple[str, ...]


def kept_chats(settings: Settings) -> KeptChats:
    """Returns the chats as they are known now; asks nobody but the ledger.

    Raises:
        FetchError: (storage) it cannot be read.
    """
    with open_identities(settings) as identities:
        known = identities.known()
        with identities.ledger.read() as connection:
            refused = refusals(connection)
            notes = note_lines(known, connection)
    chats = [_kept(chat, refused.get(chat.key)) for chat in known.all()]
    chats += [
        KeptChat(key=each.key, type="", title="", address=str(each.marked_id), state="damaged")
        for each in known.damaged.values()
    ]
    return KeptChats(
        chats=tuple(sorted(chats, key=lambda each: each.key)),
        known=known,
        refused=refused,
        lines=(*notes, *(f"chat {key}: {refused[key].line}" for key in sorted(refused))),
    )


def note_lines(known: KnownChats, connection: Connection) -> list[str]:
    """Returns a line for each name that moved, each damaged chat and each partition that is no chat."""
    strays = stray_partitions(connection)
    return [
        *known.name_lines(),
        *known.damage_lines(),
        *(stray_line(name, strays[name]) for name in sorted(strays)),
    ]


def _kept(chat: ChatIdentity, refused: Refusal | None) -> KeptChat:
    return KeptChat(
        key=chat.key,
        type=chat.type,
        title=chat.title,
        address=f"@{chat.username}" if chat.username else str(chat.marked_id),
        state="paused" if chat.paused else refused.state if refused else "kept",
    )
