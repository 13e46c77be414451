"""The shape of what is written: day file, summary, threads, participants (docs/schemas are made from here).

The first twelve keys of a message and the keys of the files are schema 1.0 and always there (null or empty
where there is nothing); everything after them was added later and is left out where it says nothing.
Ids of 64 bits that may pass 2^53 (documents, photos, polls, albums) are strings, since JavaScript rounds
them. Ids of chats and users are marked ids: `-100…` channels and supergroups, `-…` basic groups, else users.
What has no key here stands under `more` (see `schema_parts`).
"""

from datetime import date as Date  # noqa: N812 - `date` is a key of the models
from typing import Literal

from pydantic import Field

from tg_fetcher_dagster.messages.schema_parts import (
    Action,
    Button,
    FactCheck,
    Forward,
    Keyboard,
    Media,
    More,
    Poll,
    Reaction,
    Record,
    TextEntity,
    Timestamp,
    Todo,
    TopReactor,
)

MessageType = Literal["question", "answer", "code", "log", "spam", "service", "other"]
Language = Literal["ru", "en", "other"]
SourceType = Literal["channel", "supergroup", "chat", "group", "unknown"]


class Comment(Record):
    """A message; under a channel's post: a comment (its ids are those of the discussion group)."""

    id: int
    date: Timestamp
    text: str | None
    sender_id: int | None = Field(
        description="Of a channel's post the channel, of an anonymous admin the group; null where nobody is"
        " named."
    )
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
    todo: Todo | None = None
    buttons: list[list[Button]] | None = Field(None, description="Rows of buttons.")
    keyboard: Keyboard | None = Field(None, description="Of a bot's keyboard: what it is beside its buttons.")
    rich: bool | None = Field(None, description="True where the words come from Telegram's rich editor.")
    rich_partial: bool | None = Field(None, description="True where only part of them came.")
    rich_media: list[Media] | None = Field(
        None, description="Photos and files of a rich message; entities name them by id where they stand."
    )
    action: Action | None = None
    album: str | None = Field(None, description="Messages with the same value form one album.")
    topic_id: int | None = Field(None, description="The forum topic; 1 is General.")
    reply_to_top_id: int | None = Field(None, description="The first message of the thread.")
    reply_to_peer_id: int | None = Field(None, description="The other chat that is replied to.")
    reply_to_peer_msg_id: int | None = Field(None, description="The message there.")
    reply_to_story_id: int | None = None
    reply_to_todo_item_id: int | None = Field(None, description="The to-do list's item that is replied to.")
    reply_to_poll_option: str | None = Field(None, description="The poll's answer, its bytes in base64.")
    reply_from: Forward | None = Field(
        None, description="Who wrote what is replied to elsewhere, and when (as of a forward)."
    )
    reply_media: Media | None = Field(None, description="The media of what is replied to elsewhere.")
    quote_text: str | None = None
    quote_entities: list[TextEntity] | None = None
    entities: list[TextEntity] | None = None
    post_author: str | None = Field(None, description="The signature under a channel's post.")
    author_id: int | None = Field(None, description="Who wrote a channel's post, where the channel shows it.")
    via_bot_id: int | None = None
    via_business_bot_id: int | None = None
    guestchat_via_id: int | None = Field(None, description="Through whom a guest's message came.")
    from_rank: str | None = Field(None, description="The author's title in the group.")
    saved_peer_id: int | None = Field(
        None, description="Whose conversation it is, in a channel's direct messages or in Saved Messages."
    )
    recent_repliers: list[int] | None = Field(None, description="Who replied or commented last, as told.")
    comments_chat_id: int | None = Field(None, description="The group that a post is discussed in.")
    factcheck: FactCheck | None = None
    restriction_reason: list[More] | None = Field(
        None, description="Where it is hidden from readers and why."
    )
    suggested_post: More | None = None
    pinned: bool | None = None
    silent: bool | None = None
    noforwards: bool | None = None
    reactions_partial: bool | None = Field(None, description="True where Telegram sent only part of them.")
    top_reactors: list[TopReactor] | None = None
    more: More | None = Field(None, description="Telegram's own fields that have no key here.")


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


class Person(Record):
    """Somebody whom the day's pages name."""

    id: int
    name: str
    username: str | None = None
    usernames: list[str] | None = Field(None, description="All of them, where there are several.")
    more: More | None = Field(None, description="Telegram's own fields: bot, verified, restriction_reason, …")


class Participant(Person):
    """Somebody who wrote that day."""

    message_count: int
    comment_count: int | None = None


class Participants(Record):
    """`{chat}/{date}_participants.json`: most messages first."""

    chat: str
    date: Date
    participants: list[Participant]
    mentioned: list[Person] | None = Field(
        None, description="Others whom messages name: forwarded from, reacted, joined."
    )
    no_peers: list[More] | None = Field(
        None,
        description="What stood among the users and chats and is neither (a community), as Telegram gave it.",
    )
