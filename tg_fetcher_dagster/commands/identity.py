"""The identity table: which chat each spelling means, kept from earlier resolves.

Resolving a username costs one of about 200 calls a day (telegram.md, 22), so it is asked once and kept: one
JSON file a chat in `{DATA_DIR}/.chats/`. The numeric id is the chat; names come and go (telegram.md, 29).
"""

import datetime as dt
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import orjson
from filelock import FileLock
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tg_fetcher_dagster.commands.chats import KEY_PATTERN, ChatSpelling, bare_id, id_key
from tg_fetcher_dagster.errors import ErrorType, FetchError

_SETTLED_AFTER_NS = 100_000_000
"""A folder's time is only as fine as the kernel's tick: a younger one may hide a second change."""

_LOCK_SECONDS = 10.0


class ChatIdentity(BaseModel):
    """One chat as it was last seen, with every spelling that means it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(pattern=KEY_PATTERN)
    marked_id: int
    type: Literal["channel", "supergroup", "group", "chat"]
    title: str
    username: str | None = None
    aliases: tuple[str, ...] = ()
    access_hashes: dict[str, int] = Field(default_factory=dict)
    account: str | None = None
    linked_chat_id: int | None = None
    migrated_from_chat_id: int | None = None
    migrated_from_max_id: int | None = None
    forum: bool = False
    noforwards: bool = False
    first_message_date: dt.date | None = None
    available_min_id: int | None = None
    details_seen_at: AwareDatetime | None = None
    paused: bool = False
    added_at: AwareDatetime


class ResolveFailure(BaseModel):
    """A resolve that failed: nobody asks again for the same command."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    error_type: ErrorType
    error: str
    at: AwareDatetime
    retry_after: float | None = None


class IdentityTable:
    """The chats that are known in one `DATA_DIR`; safe for several processes at once."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / ".chats"
        self._unresolved = self._folder / ".unresolved"
        self._seen: tuple[int, dict[str, ChatIdentity]] | None = None

    def find(self, spelling: ChatSpelling) -> ChatIdentity | None:
        """Returns the chat that a spelling means, if it was ever resolved."""
        known = self._read().values()
        for marked_id in spelling.marked_ids:
            for identity in known:
                if identity.marked_id == marked_id:
                    return identity
        if spelling.username is not None:
            for identity in known:
                if spelling.username in _names(identity):
                    return identity
        return None

    def get(self, key: str) -> ChatIdentity | None:
        """Returns the chat with this key."""
        return self._read().get(key)

    def by_marked_id(self, marked_id: int) -> ChatIdentity | None:
        """Returns the chat with this marked id."""
        return next((each for each in self._read().values() if each.marked_id == marked_id), None)

    def all(self) -> list[ChatIdentity]:
        """Returns every known chat, sorted by key."""
        known = self._read()
        return [known[key] for key in sorted(known)]

    def record(self, seen: ChatIdentity) -> ChatIdentity:
        """Keeps what was just seen of a chat and returns what is now known of it.

        The key given first stays for ever; a new username becomes a further alias. What the new sight does
        not tell (an access hash of another account, the first message's date) stays as it was.

        Raises:
            FetchError: (validation) the username, or the key, belonged to another chat until now; (storage)
                the table cannot be written.
        """
        with self._changing():
            known = self._read()
            old = next((each for each in known.values() if each.marked_id == seen.marked_id), None)
            self._refuse_changed_hands(seen, key=old.key if old else seen.key, known=known)
            kept = _merged(old, seen)
            self._write(self._folder / f"{kept.key}.json", kept)
            for spelling in (*kept.aliases, str(bare_id(kept.marked_id))):
                self._failure_file(spelling).unlink(missing_ok=True)
            return kept

    def set_paused(self, key: str, *, paused: bool) -> ChatIdentity:
        """Turns a chat's schedules off or on; commands are honoured all the same.

        Raises:
            FetchError: (not_found) no chat has this key.
        """
        with self._changing():
            identity = self._read().get(key)
            if identity is None:
                raise FetchError(ErrorType.NOT_FOUND, f"no chat {key!r} is known here: tg-fetcher chats list")
            changed = identity.model_copy(update={"paused": paused})
            self._write(self._folder / f"{key}.json", changed)
            return changed

    def remove(self, key: str) -> bool:
        """Forgets a chat; returns False if none had this key. Its files are not this table's to delete."""
        with self._changing():
            existed = key in self._read()  # also keeps a key like ../x away from the path
            if existed:
                (self._folder / f"{key}.json").unlink()
            return existed

    def record_failure(self, spelling: ChatSpelling, error: FetchError, at: dt.datetime) -> None:
        """Keeps why a spelling could not be resolved."""
        failure = ResolveFailure(
            error_type=error.error_type, error=error.message, at=at, retry_after=error.retry_after
        )
        with self._changing():
            self._write(self._failure_file(spelling.canonical), failure)

    def failure(self, spelling: ChatSpelling) -> ResolveFailure | None:
        """Returns why a spelling could not be resolved the last time; None after a success."""
        path = self._failure_file(spelling.canonical)
        try:
            return ResolveFailure.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            return None  # written by another version: the next resolve writes it anew

    def _failure_file(self, canonical: str) -> Path:
        return self._unresolved / f"{canonical}.json"

    def _refuse_changed_hands(self, seen: ChatIdentity, *, key: str, known: dict[str, ChatIdentity]) -> None:
        for other in known.values():
            if other.marked_id == seen.marked_id:
                continue
            taken = _names(seen) & _names(other)
            if taken or other.key == key:
                name = f"@{min(taken)}" if taken else f"key {key}"
                raise FetchError(
                    ErrorType.VALIDATION,
                    f"{name} changed hands: it meant {id_key(other.marked_id)} (kept as {other.key})"
                    f" and now means {id_key(seen.marked_id)}; remove the old chat if the new one is meant",
                )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One writer at a time; a disk that refuses becomes one line."""
        try:
            self._unresolved.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock", timeout=_LOCK_SECONDS):
                self._seen = None
                yield
        except OSError as error:
            raise FetchError(
                ErrorType.STORAGE, f"the identity table {self._folder} cannot be written: {error}"
            ) from error
        finally:
            self._seen = None

    def _write(self, path: Path, value: BaseModel) -> None:
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        body = orjson.dumps(value.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def _read(self) -> dict[str, ChatIdentity]:
        """All chats by key; read again only after the folder has changed."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if self._seen is not None and self._seen[0] == changed_at:
            return self._seen[1]
        started_at = time.time_ns()
        known = {}
        for path in sorted(self._folder.glob("[!.]*.json")):
            try:
                identity = ChatIdentity.model_validate_json(path.read_bytes())
            except (ValidationError, OSError) as error:
                reason = str(error).splitlines()[0]
                raise FetchError(ErrorType.STORAGE, f"{path} is no chat's identity: {reason}") from error
            known[identity.key] = identity
        self._seen = (changed_at, known) if started_at - changed_at > _SETTLED_AFTER_NS else None
        return known


def _names(identity: ChatIdentity) -> set[str]:
    """Every username that has meant this chat, in lower case."""
    given = set(identity.aliases) - {str(identity.marked_id), id_key(identity.marked_id)}
    if identity.username:
        given.add(identity.username.lower())
    return {name.removeprefix("@") for name in given if not name.lstrip("-").isdecimal()}


def _merged(old: ChatIdentity | None, seen: ChatIdentity) -> ChatIdentity:
    ids = {str(seen.marked_id), id_key(seen.marked_id)}
    if old is None:
        return seen.model_copy(update={"aliases": tuple(sorted(ids | _names(seen) | set(seen.aliases)))})
    untold = {
        name: getattr(old, name)
        for name in (
            "linked_chat_id", "migrated_from_chat_id", "migrated_from_max_id", "first_message_date"
        )
        if getattr(seen, name) is None
    }  # fmt: skip
    if seen.details_seen_at is None:
        untold |= {name: getattr(old, name) for name in ("available_min_id", "details_seen_at")}
    return seen.model_copy(
        update={
            **untold,
            "key": old.key,
            "aliases": tuple(sorted(ids | _names(old) | _names(seen) | set(old.aliases) | set(seen.aliases))),
            "access_hashes": {**old.access_hashes, **seen.access_hashes},
            "account": old.account or seen.account,
            "paused": old.paused,
            "added_at": old.added_at,
        }
    )
