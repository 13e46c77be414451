"""What stood where before the ledger, and how it is read. Only this package knows it; nothing here writes.

`.chats/`, `{chat}/.coverage/`, `.outbox/`, `.runs/` under DATA_DIR; `{account}.floods.json` and
`{account}.quarantine.json` in SESSION_DIR; a journal in Redis. The models read what the last version before
the ledger wrote (DATA_DIR format 1), and the versions before it.
"""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

TERMINAL = ("messages_fetched", "fetch_skipped", "fetch_failed")
"""Events that end a day; the others were progress, which is no longer kept."""

RESOLVED = ".unresolved"
FORGOTTEN = ".forgotten"


M = TypeVar("M", bound=BaseModel)


class _Old(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class OldChat(_Old):
    """Of `.chats/{key}.json` what the ledger has columns for; the identity itself is kept as it is."""

    key: str
    marked_id: int
    title: str
    paused: bool = False


class OldFailure(_Old):
    """`.chats/.unresolved/{spelling}.json`."""

    error_type: str
    error: str
    at: AwareDatetime
    retry_after: float | None = None


class OldCoverage(_Old):
    """Of `{chat}/.coverage/{date}.json` what the ledger has columns for; the rest is kept as it is."""

    chat: str
    date: dt.date
    timezone: str
    final: bool
    message_count: int
    checksum_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    fetched_at: AwareDatetime
    requests: int
    needs_read: str | None = None


class OldCandidate(_Old):
    """Of `{chat}/.candidates/{date}.json` when the reading that is not believed began."""

    fetched_at: AwareDatetime
    kept: int
    vanished: int


class OldQuarantine(_Old):
    """`{account}.quarantine.json`."""

    reason: str
    at: AwareDatetime


class OldClaimFailure(_Old):
    """Why a claimed command had failed already."""

    error_type: str
    error: str
    retry_count: int = 0


class OldClaim(_Old):
    """A field of the hash `{queue}:journal`: one entry of `{queue}:processing`."""

    claim_id: str
    sha1: str
    claimed_at: float
    batches: tuple[str, ...] | None = None
    failure: OldClaimFailure | None = None
    resolve_attempt: int = 0


class OldAskedDays(_Old):
    """The days of a batch that one command asked for."""

    claim_id: str
    command_id: str
    correlation_id: str
    first: dt.date
    last: dt.date
    requested_by: str = "unknown"
    requested_at: AwareDatetime | None = None


class OldBatch(_Old):
    """A field of the hash `{queue}:batches`: neighbouring days that were not all done."""

    batch_id: str
    chat_key: str
    first: dt.date
    last: dt.date
    force: bool = False
    limit: int | None = None
    strategy: Literal["batch", "per_day"] = "batch"
    asked: tuple[OldAskedDays, ...]
    attempt: int = 1
    delays: int = 0


_PENDING = re.compile(
    r"(?P<ns>\d{20})~(?P<request_id>[A-Za-z0-9][A-Za-z0-9_.-]{0,79})~[a-z0-9_=-]{1,64}"
    r"~(?:\d{4}-\d\d-\d\d|-)~(?P<event>[a-z_]+)~\d+\.json"
)
_PUBLISHED = re.compile(r"[a-z0-9_=-]{1,64}~(?:\d{4}-\d\d-\d\d|-)~(?P<event>[a-z_]+)~\d+\.json")


@dataclass(frozen=True, slots=True)
class OldEventName:
    """What the name of a file in `.outbox` says; `recorded_at` in seconds, None of one that is published."""

    event: str
    request_id: str
    recorded_at: float | None

    @classmethod
    def pending(cls, name: str) -> Self | None:
        """Returns what a name in `.outbox/pending` says; None for a foreign one."""
        match = _PENDING.fullmatch(name)
        return cls(match["event"], match["request_id"], int(match["ns"]) / 1e9) if match else None

    @classmethod
    def published(cls, request_id: str, name: str) -> Self | None:
        """Returns what a name in `.outbox/published/{request_id}` says; None for a foreign one."""
        match = _PUBLISHED.fullmatch(name)
        return cls(match["event"], request_id, None) if match else None


class OldEvent(_Old):
    """Of an event's file what the ledger has columns for; the body is kept as it is."""

    event: Literal["messages_fetched", "fetch_skipped", "fetch_failed"]
    event_id: str = Field(min_length=1, max_length=36)
    chat: str | None
    date: dt.date | None
    error_type: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that is not what its place says; it is named and stays where it is."""

    why: str


def parsed(model: type[M], body: bytes | str) -> M | Unreadable:
    """Returns what a file's bytes say, or why they cannot be read, in one line."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        return Unreadable(f"{where}: {fault['msg']}" if where else fault["msg"])


def read(model: type[M], path: Path) -> tuple[M | Unreadable, bytes]:
    """Returns what a file says, or why it cannot be read, and its bytes."""
    try:
        body = path.read_bytes()
    except OSError as error:
        return Unreadable(error.strerror or type(error).__name__), b""
    return parsed(model, body), body
