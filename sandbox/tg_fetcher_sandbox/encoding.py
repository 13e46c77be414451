"""Turns a `Post` into Telegram's bytes, once a message.

Telethon's own classes make the bytes, so that what is sent is what the schema says. Dates are given as Unix
seconds, which its serialiser takes as they are.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from telethon.tl import types

from tg_fetcher_sandbox.posts import (
    Action,
    Entity,
    Forward,
    Media,
    Poll,
    Post,
    Reaction,
    bare,
    is_channel,
)

HOME_DC = 2
FILE_REFERENCE = b"sandbox"
GENERAL_TOPIC = 1
TOPIC_COLOUR = 0x6FB9F0
CUSTOM_PREFIX = "custom:"

ENTITIES: dict[str, Callable[[Entity], Any]] = {
    "bold": lambda entity: types.MessageEntityBold(entity.offset, entity.length),
    "italic": lambda entity: types.MessageEntityItalic(entity.offset, entity.length),
    "code": lambda entity: types.MessageEntityCode(entity.offset, entity.length),
    "pre": lambda entity: types.MessageEntityPre(entity.offset, entity.length, entity.value),
    "url": lambda entity: types.MessageEntityUrl(entity.offset, entity.length),
    "text_url": lambda entity: types.MessageEntityTextUrl(entity.offset, entity.length, entity.value),
    "mention": lambda entity: types.MessageEntityMention(entity.offset, entity.length),
    "hashtag": lambda entity: types.MessageEntityHashtag(entity.offset, entity.length),
    "spoiler": lambda entity: types.MessageEntitySpoiler(entity.offset, entity.length),
}
DOCUMENTS: dict[str, tuple[str, Callable[[], list[Any]]]] = {
    "document": ("application/pdf", lambda: [types.DocumentAttributeFilename("отчёт.pdf")]),
    "voice": ("audio/ogg", lambda: [types.DocumentAttributeAudio(duration=7, voice=True)]),
    "sticker": (
        "image/webp",
        lambda: [types.DocumentAttributeSticker(alt="🔥", stickerset=types.InputStickerSetEmpty())],
    ),
}


@lru_cache(maxsize=100_000)
def tl_peer(peer: int) -> Any:  # noqa: ANN401 - Telethon carries no types
    """Returns a marked id as Telegram's Peer."""
    if peer > 0:
        return types.PeerUser(peer)
    return types.PeerChannel(bare(peer)) if is_channel(peer) else types.PeerChat(-peer)


def message_bytes(
    post: Post,
    *,
    peer: int,
    number: Callable[[int], int],
    viewer: int | None = None,
    replies: Any = None,  # noqa: ANN401
    broadcast: bool = False,
) -> bytes:
    """Returns a message as Telegram sends it.

    Args:
        post: the message.
        peer: the chat's marked id.
        number: the number that the viewer's account gives to the chat's own number.
        viewer: the account's user, where the chat numbers messages per account.
        replies: what is known of the post's comments (MessageReplies).
        broadcast: whether the chat is a channel, whose posts have no `from_id`.
    """
    own = viewer is not None and post.sender == viewer
    private = peer > 0
    sender = None if broadcast or post.sender is None or (private and not own) else tl_peer(post.sender)
    common = {
        "id": number(post.id),
        "peer_id": tl_peer(peer),
        "from_id": sender,
        "date": post.at,
        "out": own,
        "post": broadcast,
        "reply_to": _reply_header(post, number=number),
    }
    if post.action is not None:
        message = types.MessageService(**common, action=_action(post.action))
        if post.action.kind == "pin" and post.action.target is not None:
            message.reply_to = types.MessageReplyHeader(reply_to_msg_id=number(post.action.target))
        return bytes(message._bytes())  # noqa: SLF001 - Telethon's way to serialise
    message = types.Message(
        **common,
        message=post.text,
        fwd_from=_forward(post.forward) if post.forward else None,
        media=_media(post.media, post.at) if post.media else None,
        entities=[ENTITIES[entity.kind](entity) for entity in post.entities] or None,
        views=post.views,
        forwards=post.forwards,
        replies=replies,
        edit_date=post.edited,
        edit_hide=post.edit_hidden,
        post_author=post.signature,
        grouped_id=post.album,
        reactions=_reactions(post) if post.reactions else None,
    )
    return bytes(message._bytes())  # noqa: SLF001


def _reply_header(post: Post, *, number: Callable[[int], int]) -> Any:  # noqa: ANN401
    in_topic = post.topic not in {None, GENERAL_TOPIC, post.id}
    if post.reply_to is None and not in_topic:
        return None
    target = post.reply_to if post.reply_to is not None else post.topic
    top = post.thread if post.thread != target else None
    return types.MessageReplyHeader(
        forum_topic=in_topic,
        reply_to_msg_id=number(target or 0),
        reply_to_top_id=number(top) if top is not None else None,
        quote=post.quote is not None,
        quote_text=post.quote,
        quote_offset=0 if post.quote is not None else None,
    )


def _forward(forward: Forward) -> Any:  # noqa: ANN401
    saved = forward.saved_from
    return types.MessageFwdHeader(
        date=forward.date,
        from_id=tl_peer(forward.peer) if forward.peer is not None else None,
        from_name=forward.name,
        channel_post=forward.post,
        post_author=forward.author,
        saved_from_peer=tl_peer(saved[0]) if saved else None,
        saved_from_msg_id=saved[1] if saved else None,
    )


def _reactions(post: Post) -> Any:  # noqa: ANN401
    first = reaction_of(post.reactions[0])
    return types.MessageReactions(
        results=[types.ReactionCount(reaction_of(reaction), reaction.count) for reaction in post.reactions],
        can_see_list=bool(post.recent),
        recent_reactions=[
            types.MessagePeerReaction(tl_peer(peer), post.at + 60, first) for peer in post.recent
        ]
        or None,
    )


def reaction_of(reaction: Reaction) -> Any:  # noqa: ANN401
    """Returns the kind of a reaction as Telegram names it."""
    if reaction.emoji == "paid":
        return types.ReactionPaid()
    if reaction.emoji.startswith(CUSTOM_PREFIX):
        return types.ReactionCustomEmoji(int(reaction.emoji.removeprefix(CUSTOM_PREFIX)))
    return types.ReactionEmoji(reaction.emoji)


def _media(media: Media, at: int) -> Any:  # noqa: ANN401
    if media.poll is not None:
        return _poll(media.number, media.poll)
    if media.kind == "photo":
        sizes = [types.PhotoSize("m", 320, 240, 21_000), types.PhotoSize("x", 800, 600, 95_000)]
        photo = types.Photo(media.number, media.number ^ 7, FILE_REFERENCE, at, sizes, HOME_DC)
        return types.MessageMediaPhoto(photo=photo)
    if media.kind == "geo":
        return types.MessageMediaGeo(types.GeoPoint(37.6173, 55.7558, media.number))
    if media.kind == "webpage":
        page = types.WebPage(media.number, "https://example.org/a", "example.org/a", 0, title="Example")
        return types.MessageMediaWebPage(page)
    mime, attributes = DOCUMENTS[media.kind]
    document = types.Document(
        media.number, media.number ^ 7, FILE_REFERENCE, at, mime, 12_345, HOME_DC, attributes()
    )
    return types.MessageMediaDocument(document=document, voice=media.kind == "voice")


def _poll(number: int, poll: Poll) -> Any:  # noqa: ANN401
    answers = [
        types.PollAnswer(types.TextWithEntities(option, []), bytes([place]))
        for place, option in enumerate(poll.options)
    ]
    question = types.TextWithEntities(poll.question, [])
    results = types.PollResults(min=poll.votes is None)
    if poll.votes is not None:
        results.results = [
            types.PollAnswerVoters(bytes([place]), voters=votes, recent_voters=[])
            for place, votes in enumerate(poll.votes)
        ]
        results.total_voters = sum(poll.votes)
    body = types.Poll(number, question, answers, 0, quiz=poll.quiz, closed=poll.closed)
    return types.MessageMediaPoll(body, results)


def _action(action: Action) -> Any:  # noqa: ANN401, PLR0911
    match action.kind:
        case "pin":
            return types.MessageActionPinMessage()
        case "join":
            return types.MessageActionChatAddUser(list(action.peers))
        case "leave":
            return types.MessageActionChatDeleteUser(action.peers[0])
        case "created":
            return types.MessageActionChannelCreate(action.title)
        case "topic":
            return types.MessageActionTopicCreate(action.title, TOPIC_COLOUR)
        case "migrate_to":
            return types.MessageActionChatMigrateTo(bare(action.target or 0))
        case "migrate_from":
            return types.MessageActionChannelMigrateFrom(action.title, bare(action.target or 0))
        case _:
            return types.MessageActionChatEditTitle(action.title)
