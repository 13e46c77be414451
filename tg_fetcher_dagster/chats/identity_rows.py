"""The ledger's rows of chats as identities: read once, written by one transaction at a time.

A row that cannot be read spoils its own chat and no other: it is named once and left out.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from pydantic import ValidationError

from tg_fetcher_dagster.chats.identity import ChatIdentity, ResolveFailure
from tg_fetcher_dagster.chats.known import DamagedChat, KnownChats
from tg_fetcher_dagster.chats.writing import Writing
from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.ledger import chats as table
from tg_fetcher_dagster.ledger.database import Connection, Ledger

log = structlog.get_logger(__name__)

_NAMED: set[str] = set()
"""Damage that this process's log has named."""


class IdentityRows:
    """The chats of one ledger, read again only after one of them has changed."""

    def __init__(self, ledger: Ledger, clock: Callable[[], dt.datetime]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._seen: tuple[str | None, KnownChats] | None = None

    def read(self) -> KnownChats:
        """Returns what is known; one small query where nothing has changed.

        Raises:
            FetchError: (storage) the ledger cannot be read.
        """
        with self._ledger.read() as connection:
            return self._read(connection)

    @contextmanager
    def changing(self) -> Iterator[Writing]:
        """Gives what is known to the only writer; nothing is kept where the block raises.

        Raises:
            FetchError: (storage) the ledger cannot be written.
        """
        with self._ledger.write() as connection:
            table.lock_chats(connection)
            yield Writing(connection, self._read(connection), self._clock())

    def failures(self, canonical: Sequence[str]) -> dict[str, ResolveFailure]:
        """Returns why spellings could not be resolved the last time; those that were are left out."""
        with self._ledger.read() as connection:
            rows = table.unresolved_of(connection, list(canonical))
        return {
            spelling: ResolveFailure(
                error_type=ErrorType(row.error_type),
                error=row.error,
                at=dt.datetime.fromtimestamp(row.at, dt.UTC),
                retry_after=row.retry_after,
            )
            for spelling, row in rows.items()
            if row.error_type in _SORTS  # written by another version: the next resolve writes it anew
        }

    def _read(self, connection: Connection) -> KnownChats:
        # The version first: what changes after that is read again the next time.
        version = table.chats_version(connection)
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, _known(table.all_chats(connection)))
        return self._seen[1]


_SORTS = frozenset(ErrorType)


def _known(rows: Sequence[table.ChatRow]) -> KnownChats:
    chats: dict[str, ChatIdentity] = {}
    forgotten: dict[str, ChatIdentity] = {}
    damaged: dict[str, DamagedChat] = {}
    for row in rows:
        found = _identity(row)
        if isinstance(found, ChatIdentity):
            (forgotten if row.is_forgotten else chats)[row.key] = found
        elif not row.is_forgotten:
            damaged[row.key] = found
            if found.line not in _NAMED:
                _NAMED.add(found.line)
                log.warning("a chat's row is damaged", chat=row.key, reason=found.line)
    return KnownChats(chats, forgotten, damaged)


def _identity(row: table.ChatRow) -> ChatIdentity | DamagedChat:
    try:
        identity = ChatIdentity.model_validate_json(row.identity)
        reason = f"it holds the identity of {identity.key} ({identity.marked_id})"
    except ValidationError as error:
        identity = None
        first = error.errors(include_url=False)[0]
        reason = ".".join([*map(str, first["loc"]), first["msg"]])
    if identity is not None and (identity.key, identity.marked_id) == (row.key, row.marked_id):
        return identity.model_copy(update={"paused": row.paused})
    line = (
        f"chat {row.key}: its row in the ledger is damaged ({reason});"
        f" its next fetch makes it whole, or: tg-fetcher chats add {row.key}"
    )
    return DamagedChat(key=row.key, marked_id=row.marked_id, paused=row.paused, line=line)
