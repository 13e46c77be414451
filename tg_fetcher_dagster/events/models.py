"""The events that consumers subscribe to: their keys are frozen, optional ones may be added.

docs/schemas/events.asyncapi.json is generated from these models (events/asyncapi.py).
"""

import uuid
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

from tg_fetcher_dagster.errors import ErrorType

_NAMESPACE = uuid.UUID("6f0a4f4e-5d0b-5c7e-9a5e-0f6a1c1f7a21")
"""Of event ids; made up once, never to be changed, since a repeat is recognised by its id."""

EventName = Literal[
    "fetch_started", "fetch_progress", "fetch_stage", "messages_fetched", "fetch_skipped", "fetch_failed"
]
Stage = Literal["fetching", "saving", "postprocess"]
TERMINAL: frozenset[str] = frozenset({"messages_fetched", "fetch_skipped", "fetch_failed"})
"""Each chat and day that was asked for ends in exactly one of these."""


def _iso_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


UtcTime = Annotated[datetime, PlainSerializer(_iso_utc, return_type=str, when_used="json")]


def _now() -> datetime:
    return datetime.now(UTC)


class Event(BaseModel):
    """What every event says.

    Attributes:
        timestamp: when it happened, UTC.
        service: the setting SERVICE_NAME.
        correlation_id: as the command gave it, or made up.
        chat: the bare chat key, the same as the folder's name.
        date: the day in TIMEZONE.
        event_id: the same when the same event is sent again; filled in by the outbox.
        command_ids: all commands that it answers.
        notice: what to know of the chat's names: one that another chat has now, or that it has lost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def sequence(self) -> int:
        """Tells apart events of one kind for one chat and day; the same for the same event told again."""
        return 0

    event: EventName
    event_id: str = ""
    timestamp: UtcTime = Field(default_factory=_now)
    service: str
    correlation_id: str
    command_ids: tuple[str, ...] = ()
    chat: str | None
    date: date | None
    notice: str | None = None


class FetchStarted(Event):
    """The fetch of a day begins."""

    event: Literal["fetch_started"] = "fetch_started"
    chat: str
    date: date
    strategy: str
    stage: str = "fetching"


class FetchProgress(Event):
    """Told every PROGRESS_INTERVAL messages of a day."""

    event: Literal["fetch_progress"] = "fetch_progress"
    chat: str
    date: date
    messages_processed: int = Field(ge=0)
    messages_fetched: int = Field(ge=0)

    @property
    def sequence(self) -> int:
        """How many messages of the day were seen."""
        return self.messages_processed


class FetchStage(Event):
    """A day goes on to its next stage."""

    event: Literal["fetch_stage"] = "fetch_stage"
    chat: str
    date: date
    stage: Stage

    @property
    def sequence(self) -> int:
        """The stage's place among the stages."""
        return get_args(Stage).index(self.stage)


class LossTold(BaseModel):
    """Something that a day is known to miss.

    Attributes:
        what: for instance `comments of post 17`.
        why: one line.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    why: str


LOSSES_TOLD = 20
"""Losses that an event names; the day's coverage has them all."""


class MessagesFetched(Event):
    """The day's file has new or changed content.

    Attributes:
        file_path: absolute, and under EVENTS_DATA_ROOT where that is set; so are the side files' paths.
        relative_path: the day file's below DATA_DIR; null in an event of an earlier version.
        first_message_ts: the OLDEST message's time; null only for a day without messages.
        last_message_ts: the newest message's time.
        final: the day was over when it was read, and all of it was read.
        messages_added: how many were not there when the day was told of before; null the first time, and
            where the day was not read again.
        messages_edited: how many their author or an admin has changed since.
        messages_deleted: how many are not there any more.
        messages_recounted: how many differ in reactions, views, forwards or comments only.
        added_ids: the newest of those that were added, at most 100; null where the count is null. The same
            holds for edited_ids, deleted_ids and recounted_ids.
        lost: what the day is known to miss, the first LOSSES_TOLD of it; empty where nothing is.
        lost_count: how many losses there are in all.
    """

    event: Literal["messages_fetched"] = "messages_fetched"
    chat: str
    date: date
    message_count: int = Field(ge=0)
    file_path: str
    duration_seconds: float = Field(ge=0)
    checksum_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    estimated_tokens_total: int = Field(ge=0)
    first_message_ts: str | None
    last_message_ts: str | None
    schema_version: str
    preprocessing_version: str
    summary_file_path: str
    threads_file_path: str
    participants_file_path: str
    relative_path: str | None = None
    final: bool
    messages_added: int | None = Field(None, ge=0)
    messages_edited: int | None = Field(None, ge=0)
    messages_deleted: int | None = Field(None, ge=0)
    messages_recounted: int | None = Field(None, ge=0)
    added_ids: tuple[int, ...] | None = None
    edited_ids: tuple[int, ...] | None = None
    deleted_ids: tuple[int, ...] | None = None
    recounted_ids: tuple[int, ...] | None = None
    lost: tuple[LossTold, ...] = ()
    lost_count: int = Field(0, ge=0)


class FetchSkipped(Event):
    """The day is complete already, or was read again and found the same.

    Attributes:
        reason: `complete`, `unchanged`, `newer` (a later reading is kept already) or `duplicate`.
        duplicate_of: of a `duplicate` the event_id of the end that answered the same ask a moment ago; it
            answered the commands before the last one, so this event is the end of the last one alone.
    """

    event: Literal["fetch_skipped"] = "fetch_skipped"
    chat: str
    date: date
    reason: str
    checksum_expected: str | None
    checksum_actual: str | None
    final: bool | None = None
    duplicate_of: str | None = None


class FetchFailed(Event):
    """The day could not be fetched, or the command makes no sense.

    Attributes:
        chat: the key; where a command names no chat that is known, its own spelling or null.
        date: null where a command fails before it has days.
        error: one line.
    """

    event: Literal["fetch_failed"] = "fetch_failed"
    error: str
    error_type: ErrorType
    retryable: bool
    duration_seconds: float = Field(0.0, ge=0)


AnyEvent = Annotated[
    FetchStarted | FetchProgress | FetchStage | MessagesFetched | FetchSkipped | FetchFailed,
    Field(discriminator="event"),
]
ANY_EVENT: TypeAdapter[Any] = TypeAdapter(AnyEvent)
"""Validates the JSON of any event into its model."""


def event_id(event: Event, *, request_id: str) -> str:
    """Returns the id that the same event of the same request always has.

    Args:
        event: of which the kind, chat, date and sequence count.
        request_id: the command batch's id, or the Dagster run's.
    """
    name = f"{request_id}~{event.chat}~{event.date}~{event.event}~{event.sequence}"
    return str(uuid.uuid5(_NAMESPACE, name))
