"""What a consumer of schema 1.0 takes a day's files and events to be, key by key, with nothing coerced.

Written from the contract and not from our own models, so that a change of those is seen here. Types are
strict and every frozen key must be there; keys that were added later are none of its business.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
DayName = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
Checksum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MessageId = Annotated[str, Field(pattern=r"^[1-9]\d*$")]
"""As a key of an object."""
Words = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Coerces nothing: "5" and 5.0 are no whole numbers, true is none either."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Forward(Strict):
    """Where a forwarded message came from."""

    from_id: int | None
    from_name: str | None
    date: Moment | None


class Reaction(Strict):
    """One kind of reaction."""

    emoji: Words
    count: Count
    users: list[int]


class Comment(Strict):
    """A message, or a comment under one."""

    id: Annotated[int, Field(gt=0)]
    date: Moment
    text: str | None
    sender_id: int | None
    reply_to_msg_id: int | None
    forward_from: Forward | None
    reactions: list[Reaction]
    token_count: Count
    normalized_links: list[str]
    message_type: Literal["question", "answer", "code", "log", "spam", "service", "other"]
    lang: Literal["ru", "en", "other"]


class Message(Comment):
    """A message of the day; without `comments` it has none."""

    comments: list[Comment] = []


class SourceInfo(Strict):
    """The chat."""

    id: Words
    title: str
    url: Words
    type: Literal["channel", "supergroup", "chat", "group", "unknown"]


class DayFile(Strict):
    """`{chat}/{date}.json`."""

    version: Annotated[str, Field(pattern=r"^1\.\d+$")]
    timezone: Words
    source_info: SourceInfo
    senders: dict[Annotated[str, Field(pattern=r"^-?[1-9]\d*$")], Words]
    messages: list[Message]


class Summary(Strict):
    """`{chat}/{date}_summary.json`."""

    chat: Words
    date: DayName
    schema_version: Words
    preprocessing_version: Words
    timezone: Words
    first_message_ts: Moment | None
    last_message_ts: Moment | None
    message_count: Count
    estimated_tokens_total: Count
    file_checksum_sha256: Checksum


class Threads(Strict):
    """`{chat}/{date}_threads.json`."""

    roots: list[int]
    parent_to_children: dict[MessageId, list[int]]
    depth: dict[MessageId, int]


class Participant(Strict):
    """Somebody who wrote that day."""

    id: int
    name: Words
    message_count: Count


class Participants(Strict):
    """`{chat}/{date}_participants.json`."""

    chat: Words
    date: DayName
    participants: list[Participant]


class Event(Strict):
    """What every event has."""

    timestamp: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")]
    service: Words
    correlation_id: Words
    chat: Words
    date: DayName


class FetchStarted(Event):
    """A day is begun."""

    event: Literal["fetch_started"]
    strategy: str
    stage: str


class FetchProgress(Event):
    """A day goes on."""

    event: Literal["fetch_progress"]
    messages_processed: Count
    messages_fetched: Count


class FetchStage(Event):
    """A day's next stage."""

    event: Literal["fetch_stage"]
    stage: Literal["fetching", "saving", "postprocess"]


class MessagesFetched(Event):
    """A day has new or changed content; no key may be empty but the times of a day without messages."""

    event: Literal["messages_fetched"]
    message_count: Count
    file_path: Words
    duration_seconds: float
    checksum_sha256: Checksum
    estimated_tokens_total: Count
    first_message_ts: Moment | None
    last_message_ts: Moment | None
    schema_version: Words
    preprocessing_version: Words
    summary_file_path: Words
    threads_file_path: Words
    participants_file_path: Words


class FetchSkipped(Event):
    """A day was complete already, or is the same as before."""

    event: Literal["fetch_skipped"]
    reason: Words
    checksum_expected: Checksum | None
    checksum_actual: Checksum | None


class FetchFailed(Event):
    """A day could not be fetched, or a command made no sense: then it may lack its chat and its day."""

    event: Literal["fetch_failed"]
    chat: Words | None
    date: DayName | None
    error: Annotated[str, Field(pattern=r"^[^\n]+$")]
    error_type: Words
    retryable: bool
    duration_seconds: float


AnyEvent = Annotated[
    FetchStarted | FetchProgress | FetchStage | MessagesFetched | FetchSkipped | FetchFailed,
    Field(discriminator="event"),
]
