"""Turns a message that the scenario states word for word into a `Post`."""

from zlib import crc32

from tg_fetcher_sandbox.cast import Cast
from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.posts import Action, Entity, Forward, Media, Poll, Post, Reaction
from tg_fetcher_sandbox.scenario_messages import ScenarioAction, ScenarioForward, ScenarioMessage

GENERAL_TOPIC = 1


def post_of(
    message: ScenarioMessage, *, chat: Chat, cast: Cast, labels: dict[str, int], topics: dict[str, int]
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


def _sender(message: ScenarioMessage, *, chat: Chat, cast: Cast) -> int:
    if chat.is_broadcast:
        return chat.peer
    if message.sender is not None:
        return cast.peer(message.sender, chat)
    return chat.members[0].id


def _counters(message: ScenarioMessage, chat: Chat) -> tuple[int | None, int | None]:
    """Views and forwards: Telegram gives both or neither, and both for every channel post."""
    if message.views is None and message.forwards is None and not chat.is_broadcast:
        return None, None
    return message.views or 0, message.forwards or 0


def _media(message: ScenarioMessage, at: int) -> Media | None:
    number = crc32(f"{at}:{message.text}:{message.label}".encode()) + 1
    if message.poll is not None:
        votes = tuple(message.poll.votes) if message.poll.votes is not None else None
        options = tuple(message.poll.options)
        poll = Poll(message.poll.question, options, votes, message.poll.quiz, message.poll.closed)
        return Media("poll", number, poll)
    return Media(message.media, number) if message.media else None


def _forward(spec: ScenarioForward, *, at: int, chat: Chat, cast: Cast) -> Forward:
    return Forward(
        date=int(spec.date.timestamp()) if spec.date else at - 3600,
        peer=cast.peer(spec.origin, chat) if spec.origin else None,
        name=spec.name,
        post=spec.post,
        author=spec.author,
    )


def _action(spec: ScenarioAction, *, chat: Chat, cast: Cast, labels: dict[str, int]) -> Action:
    if spec.pin is not None:
        return Action("pin", target=labels[spec.pin] if isinstance(spec.pin, str) else spec.pin)
    if spec.join is not None:
        return Action("join", peers=tuple(cast.peer(name, chat) for name in spec.join))
    if spec.leave is not None:
        return Action("leave", peers=(cast.peer(spec.leave, chat),))
    if spec.created is not None:
        return Action("created", title=spec.created)
    return Action("title", title=spec.title or "")
