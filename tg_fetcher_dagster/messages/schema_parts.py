"""The shape of what a message is made of: where it came from, its media, polls, buttons, marked-up parts.

`more` holds Telegram's own fields of what has no key here, under Telegram's names (`own_fields.py`): a nested
record is an object with its constructor's name as `type`, a peer its marked id, a number beyond 2^53 a
string.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
"""A moment in UTC: `2025-11-07T23:59:59Z`."""
More = dict[str, Any]
"""Telegram's own fields."""


class Record(BaseModel):
    """Frozen; unknown keys are ignored, so that a file with later keys still reads."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Forward(Record):
    """Where a forwarded message came from. Telegram names the origin, only its name, or neither."""

    from_id: int | None = Field(description="Marked id of the original author or channel.")
    from_name: str | None = Field(description="Its name or title, or the hidden author's name.")
    date: Timestamp | None = Field(description="When the original was sent.")
    channel_post: int | None = Field(None, description="The message's id in the channel it came from.")
    post_author: str | None = Field(None, description="The signature under the channel's post.")
    saved_from_peer_id: int | None = Field(None, description="The chat it was forwarded from last.")
    saved_from_msg_id: int | None = Field(None, description="Its id in that chat.")
    imported: bool | None = Field(None, description="True where it was imported from another messenger.")
    saved_from_id: int | None = Field(None, description="Who had sent what was forwarded from there.")
    saved_from_name: str | None = None
    saved_date: Timestamp | None = None
    more: More | None = None


class Reaction(Record):
    """One kind of reaction and who is known to have given it."""

    emoji: str = Field(description="The emoji; of a custom one its document id; of a paid one a star.")
    count: int
    users: list[int] = Field(description="Marked ids of the recent reactors that Telegram names; often none.")
    kind: str = Field(description="emoji, custom, paid; an unknown kind is its constructor's name.")
    more: More | None = None


class TopReactor(Record):
    """Somebody who gave the most stars."""

    peer_id: int | None = Field(description="Marked id; null of an anonymous one.")
    count: int
    more: More | None = None


class TextEntity(Record):
    """A marked-up part of the text. Offset and length count UTF-16 units, as Telegram does."""

    type: str = Field(
        description="bold, url, text_url, mention, pre, custom_emoji, …; of rich messages also heading1,"
        " table, photo, button, … (a length of 0 is a place)."
    )
    offset: int
    length: int
    url: str | None = None
    user_id: int | None = None
    language: str | None = None
    document_id: str | None = None
    more: More | None = None


class PollAnswer(Record):
    """One answer of a poll."""

    text: str
    text_entities: list[TextEntity] | None = None
    option: str | None = Field(description="The answer's own bytes, base64.")
    voters: int | None = Field(description="null where Telegram does not tell (not the same as 0).")
    correct: bool | None = None
    recent_voters: list[int] | None = Field(None, description="Marked ids.")
    media: "Media | None" = None
    added_by: int | None = Field(None, description="Marked id of who added the answer.")
    date: Timestamp | None = Field(None, description="When it was added.")
    more: More | None = None


class Poll(Record):
    """A poll or quiz and its results, as far as they can be seen."""

    id: str | None
    question: str
    question_entities: list[TextEntity] | None = None
    answers: list[PollAnswer]
    total_voters: int | None = Field(description="null where Telegram does not tell (not the same as 0).")
    closed: bool | None = None
    quiz: bool | None = None
    multiple_choice: bool | None = None
    public_voters: bool | None = None
    recent_voters: list[int] | None = Field(None, description="Marked ids.")
    media: "Media | None" = None
    solution: str | None = Field(None, description="What a quiz explains.")
    solution_entities: list[TextEntity] | None = None
    solution_media: "Media | None" = None
    more: More | None = None


class TodoItem(Record):
    """One thing to be done, and who has done it."""

    id: int | None
    text: str
    text_entities: list[TextEntity] | None = None
    completed_by: int | None = Field(None, description="Marked id.")
    completed_at: Timestamp | None = None
    more: More | None = None


class Todo(Record):
    """A to-do list."""

    title: str
    title_entities: list[TextEntity] | None = None
    items: list[TodoItem]
    others_can_append: bool | None = None
    others_can_complete: bool | None = None
    more: More | None = None


class Article(Record):
    """The words of a web page as Telegram shows it (instant view)."""

    text: str | None
    links: list[str]
    url: str | None = None
    entities: list[TextEntity] | None = None
    partial: bool | None = Field(None, description="True where Telegram sent only part of it.")
    views: int | None = None
    more: More | None = None


class Story(Record):
    """A story that a message shows."""

    date: Timestamp | None = None
    text: str | None = None
    entities: list[TextEntity] | None = None
    media: "Media | None" = None
    more: More | None = None


class Media(Record):
    """What is attached, without its bytes."""

    type: str = Field(description="photo, video, voice, …; an unknown kind is its constructor's name.")
    file_name: str | None = None
    mime_type: str | None = None
    size: int | None = Field(None, description="Bytes.")
    duration: float | None = Field(None, description="Seconds.")
    width: int | None = None
    height: int | None = None
    document_id: str | None = None
    photo_id: str | None = None
    emoji: str | None = Field(None, description="Of a sticker or a die.")
    sticker_set: str | None = Field(
        None, description="Public name of a sticker's set, where Telegram says it."
    )
    title: str | None = None
    performer: str | None = None
    url: str | None = None
    site_name: str | None = None
    description: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    address: str | None = None
    user_id: int | None = None
    phone_number: str | None = None
    value: int | None = Field(None, description="What a die shows.")
    peer_id: int | None = Field(None, description="Whose story it is.")
    story_id: int | None = None
    amount: int | None = Field(
        None, description="Of an invoice in the currency's smallest unit; of paid media in stars."
    )
    currency: str | None = None
    author: str | None = Field(None, description="Of a web page.")
    embed_url: str | None = Field(None, description="Of a web page: its player.")
    display_url: str | None = Field(None, description="Where it is not part of the url.")
    article: Article | None = None
    period: int | None = Field(None, description="Seconds for which a live location is told.")
    heading: int | None = Field(None, description="Of a live location: degrees.")
    provider: str | None = Field(None, description="Of a venue: whose catalogue it stands in.")
    venue_id: str | None = None
    venue_type: str | None = None
    vcard: str | None = Field(None, description="Of a contact.")
    extended_media: list["Media"] | None = Field(
        None, description="What is to be paid for; of type preview where it is not bought."
    )
    story: Story | None = None
    poll: Poll | None = Field(None, description="Of a medium that is not the message's own.")
    todo: Todo | None = Field(None, description="Of a medium that is not the message's own.")
    spoiler: bool | None = None
    ttl_seconds: int | None = None
    more: More | None = None


class Button(Record):
    """A button of a message or a keyboard."""

    text: str
    type: str = Field(description="url, callback, web_view, switch_inline, request_phone, default, …")
    url: str | None = None
    user_id: int | None = Field(None, description="Whose profile it opens.")
    more: More | None = None


class Keyboard(BaseModel):
    """Other than buttons under the message: its type and Telegram's own fields."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str


class FactCheck(Record):
    """What a fact checker says of a message."""

    text: str | None = None
    text_entities: list[TextEntity] | None = None
    country: str | None = None
    need_check: bool | None = None
    more: More | None = None


class Action(BaseModel):
    """What a service message tells: its type (`pin_message`, `chat_add_user`) and Telegram's own fields."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str
