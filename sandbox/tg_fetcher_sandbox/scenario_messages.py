"""Messages that a scenario states word for word, for a test that needs exactly this one.

Generated messages make volume; one that is stated makes a point.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from tg_fetcher_sandbox.scenario_days import Strict


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_aware)]
"""A date and time; UTC unless it names another offset."""

MediaKind = Literal["photo", "document", "voice", "sticker", "webpage", "geo"]


class ScenarioForward(Strict):
    """Where a message was forwarded from.

    `from` is a user or a chat of the scenario, `name` a hidden user's name; neither is possible too.
    """

    origin: str | None = Field(None, alias="from")
    name: str | None = None
    post: int | None = None
    author: str | None = None
    date: Moment | None = None


class ScenarioPoll(Strict):
    """A poll; votes of null mean that Telegram gives no results."""

    question: str
    options: list[str] = Field(min_length=1)
    votes: list[int] | None = None
    quiz: bool = False
    closed: bool = False


class ScenarioAction(Strict):
    """A service message's action: exactly one of these."""

    pin: str | int | None = None
    title: str | None = None
    join: list[str] | None = None
    leave: str | None = None
    created: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("action: exactly one of pin, title, join, leave, created")
        return self


class ScenarioEntity(Strict):
    """A span of the text; offset and length count UTF-16 units, as Telegram does."""

    kind: Literal["bold", "italic", "code", "pre", "url", "text_url", "mention", "hashtag", "spoiler"]
    offset: int = Field(ge=0)
    length: int = Field(gt=0)
    value: str = ""


class ScenarioComment(Strict):
    """A comment under a channel's post."""

    date: Moment
    text: str = ""
    sender: str | None = Field(None, alias="from")


class ScenarioMessage(Strict):
    """One message.

    `as` names it for others (`reply_to`, `pin`); `from` is a user or an account, `anonymous` (a
    supergroup's hidden admin) or a channel of the scenario; without it somebody of the chat wrote it.
    """

    date: Moment
    text: str = ""
    label: str | None = Field(None, alias="as")
    sender: str | None = Field(None, alias="from")
    reply_to: str | int | None = None
    quote: str | None = None
    topic: str | None = None
    forward: ScenarioForward | None = None
    reactions: dict[str, int] = Field(default_factory=dict)
    media: MediaKind | None = None
    poll: ScenarioPoll | None = None
    album: str | None = None
    action: ScenarioAction | None = None
    entities: tuple[ScenarioEntity, ...] = ()
    views: int | None = None
    forwards: int | None = None
    edited: Moment | None = None
    signature: str | None = None
    comments: tuple[ScenarioComment, ...] = ()
    gap: int = Field(0, ge=0)


def named_once(messages: Sequence[ScenarioMessage]) -> None:
    """Checks that no two messages have one name and that replies and comments follow what they answer.

    Raises:
        ValueError: what is named twice, not at all, or too late.
    """
    labels = [message.label for message in messages if message.label]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"messages: two are named {label!r}")
    dates = {message.label: message.date for message in messages if message.label}
    for message in messages:
        if any(comment.date < message.date for comment in message.comments):
            raise ValueError(f"messages: a comment is older than its post of {message.date}")
        pinned = message.action.pin if message.action else None
        for wanted in (message.reply_to, pinned):
            if isinstance(wanted, str) and dates.get(wanted, message.date) >= message.date:
                raise ValueError(f"messages: none before {message.date} is named {wanted!r}")
