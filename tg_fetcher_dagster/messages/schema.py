"""The shape of what is written: day file, summary, threads, participants (docs/schemas are made from here).

The first twelve keys of a message and the keys of the files are schema 1.0 and always there (null or empty
where there is nothing); everything after them was added later and is left out where it says nothing.
Ids of 64 bits that may pass 2^53 (documents, photos, polls, albums) are strings, since JavaScript rounds
them. Ids of chats and users are marked ids: `-100…` channels and supergroups, `-…` basic groups, else users.
"""

from datetime import date as Date  # noqa: N812 - `date` is a key of the models
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Timestamp = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
"""A moment in UTC: `2025-11-07T23:59:59Z`."""
MessageType = Literal["question", "answer", "code", "log", "spam", "service", "other"]
Language = Literal["ru", "en", "other"]
SourceType = Literal["channel", "supergroup", "chat", "group", "unknown"]


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


class Reaction(Record):
    """One kind of reaction and who is known to have given it."""

    emoji: str = Field(description="The emoji; of a custom one its document id; of a paid one a star.")
    count: int
    users: list[int] = Field(description="Marked ids of the recent reactors that Telegram names; often none.")
    kind: str = Field(description="emoji, custom, paid; an unknown kind is its constructor's name.")


class TextEntity(Record):
    """A marked-up part of the text. Offset and length count UTF-16 units, as Telegram does."""

    type: str = Field(description="bold, url, text_url, mention, pre, custom_emoji, …")
    offset: int
    length: int
    url: str | None = None
    user_id: int | None = None
    language: str | None = None
    document_id: str | None = None


class PollAnswer(Record):
    """One answer of a poll."""

    text: str
    option: str | None = Field(description="The answer's own bytes, base64.")
    voters: int | None = Field(description="null where Telegram does not tell (not the same as 0).")
    correct: bool | None = None


class Poll(Record):
    """A poll or quiz and its results, as far as they can be seen."""

    id: str | None
    question: str
    answers: list[PollAnswer]
    total_voters: int | None = Field(description="null where Telegram does not tell (not the same as 0).")
    closed: bool | None = None
    quiz: bool | None = None
    multiple_choice: bool | None = None
    public_voters: bool | None = None


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
    spoiler: bool | None = None
    ttl_seconds: int | None = None


class Action(BaseModel):
    """What a service message tells: its type (`pin_message`, `chat_add_user`) and Telegram's own fields."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: str


class Comment(Record):
    """A message; under a channel's post: a comment (its ids are those of the discussion group)."""

    id: int
    date: Timestamp
    text: str | None
    sender_id: int | None = Field(description="Of a channel's post the channel; null where nobody is named.")
    reply_to_msg_id: int | None = Field(description="The message of this chat that it replies to.")
    forward_from: Forward | None
    reactions: list[Reaction]
    token_count: int = Field(description="An estimate; 0 without text or when the estimate is turned off.")
    normalized_links: list[str]
    message_type: MessageType
    lang: Language
    views: int | None = None
    forwards_count: int | None = None
    replies_count: int | None = Field(None, description="Replies in its thread, where Telegram counts them.")
    edit_date: Timestamp | None = Field(None, description="The last real edit (a reaction is none).")
    media: Media | None = None
    poll: Poll | None = None
    action: Action | None = None
    album: str | None = Field(None, description="Messages with the same value form one album.")
    topic_id: int | None = Field(None, description="The forum topic; 1 is General.")
    reply_to_top_id: int | None = Field(None, description="The first message of the thread.")
    reply_to_peer_id: int | None = Field(None, description="The other chat that is replied to.")
    reply_to_peer_msg_id: int | None = Field(None, description="The message there.")
    reply_to_story_id: int | None = None
    quote_text: str | None = None
    entities: list[TextEntity] | None = None
    post_author: str | None = Field(None, description="The signature under a channel's post.")
    author_id: int | None = Field(None, description="Who wrote a channel's post, where the channel shows it.")
    via_bot_id: int | None = None
    pinned: bool | None = None
    silent: bool | None = None
    noforwards: bool | None = None
    reactions_partial: bool | None = Field(None, description="True where Telegram sent only part of them.")


class Message(Comment):
    """A message of the chat, with its comments if it is a channel's post."""

    comments: list[Comment] | None = Field(
        None, description="Of a channel's post, oldest first; left out where they could not be read."
    )
    comments_count: int | None = Field(None, description="How many comments Telegram counts.")
    comments_unavailable: str | None = Field(None, description="Why the comments are not here.")


class SourceInfo(Record):
    """The chat, as the head of a day file names it."""

    id: str = Field(description="@ and the chat key, or the key of a chat without a username.")
    title: str
    url: str
    type: SourceType
    key: str | None = Field(None, description="The chat key: the folder's name.")
    marked_id: int | None = None
    username: str | None = Field(None, description="The username now, as Telegram spells it.")
    forum: bool | None = None


class DayFile(Record):
    """`{chat}/{date}.json`: a chat's day, newest message first."""

    version: str = Field(pattern=r"^1\.\d+$")
    timezone: str
    source_info: SourceInfo
    senders: dict[str, str] = Field(description="Display names by marked id.")
    messages: list[Message]


class Summary(Record):
    """`{chat}/{date}_summary.json`."""

    chat: str
    date: Date
    schema_version: str
    preprocessing_version: str
    timezone: str
    first_message_ts: Timestamp | None = Field(description="Of the oldest message.")
    last_message_ts: Timestamp | None = Field(description="Of the newest message.")
    message_count: int
    estimated_tokens_total: int = Field(description="The sum over the messages, comments not counted.")
    file_checksum_sha256: str
    comment_count: int | None = None
    estimated_tokens_comments: int | None = None


class Threads(Record):
    """`{chat}/{date}_threads.json`: who replied to whom within the day.

    A reply to a message of an earlier day starts a thread here; its `reply_to_msg_id` tells the rest.
    """

    roots: list[int] = Field(description="Messages that reply to none of the day, oldest first.")
    parent_to_children: dict[int, list[int]] = Field(description="Replies by the message replied to.")
    depth: dict[int, int] = Field(description="Of replies only: 1 replies to a root; roots (0) are left out.")


class Participant(Record):
    """Somebody who wrote that day."""

    id: int
    name: str
    message_count: int
    comment_count: int | None = None


class Participants(Record):
    """`{chat}/{date}_participants.json`: most messages first."""

    chat: str
    date: Date
    participants: list[Participant]
