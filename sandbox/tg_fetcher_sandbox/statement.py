"""Turns a message that the scenario states word for word into a `Post`."""

from dataclasses import dataclass
from zlib import crc32

from tg_fetcher_sandbox.chats import OUTSIDE, Chat
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.explicit import ExplicitAction, ExplicitForward, ExplicitMessage
from tg_fetcher_sandbox.people import People
from tg_fetcher_sandbox.posts import Action, Entity, Forward, Media, Poll, Post, Reaction

GENERAL_TOPIC = 1
ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody and everything that a message may name."""

    people: People
    chats: dict[str, Chat]

    @property
    def origins(self) -> list[int]:
        """The channels that generated messages are forwarded from."""
        return [self.chats[OUTSIDE].peer]

    def account_id(self, chat: Chat) -> int:
        """The user behind the account that has this private chat."""
        return next(account.user_id for account in self.people.accounts if account.name in chat.accounts)

    def peer(self, name: str, chat: Chat) -> int:
        """Returns the marked id of a name in the scenario.

        Raises:
            SandboxError: there is no such user, account or chat.
        """
        if name == ANONYMOUS:
            return chat.peer
        if name in self.people.by_name:
            return self.people.by_name[name].id
        if name in self.chats:
            return self.chats[name].peer
        raise SandboxError(f"scenario chats.{chat.name}: there is no user, account or chat {name!r}")


def stated(
    message: ExplicitMessage, *, chat: Chat, cast: Cast, labels: dict[str, int], topics: dict[str, int]
) -> Post:
    """Returns the post; its id is given later.

    Args:
        message: what the scenario says.
        chat: the chat that it stands in.
        cast: whom it may name.
        labels: ids of the earlier messages that have names.
        topics: ids of the forum's topics by title.
    """
    at = int(message.date.timestamp())
    post = Post(at=at, sender=_sender(message, chat=chat, cast=cast), text=message.text)
    if message.action is not None:
        post.action = _action(message.action, chat=chat, cast=cast, labels=labels)
    if message.reply_to is not None:
        post.reply_to = labels[message.reply_to] if isinstance(message.reply_to, str) else message.reply_to
    post.quote = message.quote
    if chat.spec.topics:
        post.topic = topics.get(message.topic or "", GENERAL_TOPIC)
        post.thread = post.topic if post.topic != GENERAL_TOPIC else None
    if message.forward is not None:
        post.forward = _forward(message.forward, at=at, chat=chat, cast=cast)
    post.reactions = tuple(Reaction(emoji, count) for emoji, count in message.reactions.items())
    post.entities = tuple(
        Entity(entity.kind, entity.offset, entity.length, entity.value) for entity in message.entities
    )
    post.media = _media(message, at)
    post.album = crc32(f"{chat.name}:{message.album}".encode()) + 1 if message.album else None
    post.views, post.forwards = _counters(message, chat)
    post.edited = int(message.edited.timestamp()) if message.edited else None
    post.signature = message.signature
    return post


def _sender(message: ExplicitMessage, *, chat: Chat, cast: Cast) -> int:
    if chat.is_broadcast:
        return chat.peer
    if message.sender is not None:
        return cast.peer(message.sender, chat)
    return chat.members[0].id


def _counters(message: ExplicitMessage, chat: Chat) -> tuple[int | None, int | None]:
    """Views and forwards: Telegram gives both or neither, and both for every channel post."""
    if message.views is None and message.forwards is None and not chat.is_broadcast:
        return None, None
    return message.views or 0, message.forwards or 0


def _media(message: ExplicitMessage, at: int) -> Media | None:
    number = crc32(f"{at}:{message.text}:{message.label}".encode()) + 1
    if message.poll is not None:
        votes = tuple(message.poll.votes) if message.poll.votes is not None else None
        options = tuple(message.poll.options)
        poll = Poll(message.poll.question, options, votes, message.poll.quiz, message.poll.closed)
        return Media("poll", number, poll)
    return Media(message.media, number) if message.media else None


def _forward(spec: ExplicitForward, *, at: int, chat: Chat, cast: Cast) -> Forward:
    return Forward(
        date=int(spec.date.timestamp()) if spec.date else at - 3600,
        peer=cast.peer(spec.origin, chat) if spec.origin else None,
        name=spec.name,
        post=spec.post,
        author=spec.author,
    )


def _action(spec: ExplicitAction, *, chat: Chat, cast: Cast, labels: dict[str, int]) -> Action:
    if spec.pin is not None:
        return Action("pin", target=labels[spec.pin] if isinstance(spec.pin, str) else spec.pin)
    if spec.join is not None:
        return Action("join", peers=tuple(cast.peer(name, chat) for name in spec.join))
    if spec.leave is not None:
        return Action("leave", peers=(cast.peer(spec.leave, chat),))
    if spec.created is not None:
        return Action("created", title=spec.created)
    return Action("title", title=spec.title or "")
