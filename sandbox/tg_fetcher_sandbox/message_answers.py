"""Messages as an answer: the page itself and everybody who is mentioned on it.

A sender or an origin that is missing from `users` and `chats` would be a fault of the server, not of the
client that stumbles over it.
"""

from typing import Any

from telethon.tl import types
from telethon.tl.types import messages

from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.encoding import TOPIC_COLOUR, tl_peer
from tg_fetcher_sandbox.history import Cut, History
from tg_fetcher_sandbox.viewer import Viewer

NOTIFY = types.PeerNotifySettings()
NOTHING = messages.Messages(messages=[], topics=[], chats=[], users=[])


def page_answer(viewer: Viewer, chat: Chat, page: Cut) -> Any:  # noqa: ANN401 - Telethon carries no types
    """Returns a page: channelMessages, or messages and messagesSlice where the account numbers them."""
    history = viewer.history(chat)
    peers = history.peers(page.places) | {chat.peer}
    if chat.after is not None:
        peers.add(viewer.world.chats[chat.after].peer)
    found = [history.body(place) for place in page.places]
    described = {"chats": viewer.chats(peers), "users": viewer.users(peers)}
    if chat.box is None:
        return messages.ChannelMessages(
            pts=history.top_id,
            count=page.count,
            messages=found,
            topics=topics_of(viewer, chat),
            offset_id_offset=page.offset or None,
            **described,
        )
    if len(found) == page.count:
        return messages.Messages(messages=found, topics=[], **described)
    return messages.MessagesSlice(
        count=page.count, messages=found, topics=[], offset_id_offset=page.offset or None, **described
    )


def messages_by_id(viewer: Viewer, chat: Chat, numbers: list[int]) -> Any:  # noqa: ANN401
    """Returns these messages of a channel, in the order asked; MessageEmpty where there is none."""
    history = viewer.history(chat)
    places = [history.place(number) for number in numbers]
    peers = history.peers(place for place in places if place is not None) | {chat.peer}
    return messages.ChannelMessages(
        pts=history.top_id,
        count=len(numbers),
        messages=[
            message_or_gap(history, place, number) for place, number in zip(places, numbers, strict=True)
        ],
        topics=topics_of(viewer, chat),
        chats=viewer.chats(peers),
        users=viewer.users(peers),
    )


def message_or_gap(history: History, place: int | None, number: int) -> Any:  # noqa: ANN401
    """Returns a message, or what Telegram gives for one that is gone."""
    return types.MessageEmpty(id=number, peer_id=None) if place is None else history.body(place)


def topics_of(viewer: Viewer, chat: Chat) -> list[Any]:
    """Returns a forum's topics, General first; nothing for other chats."""
    if not chat.spec.topics:
        return []
    history = viewer.history(chat)
    numbers = sorted(history.topics.items())
    founder = tl_peer(chat.members[0].id)
    return [
        types.ForumTopic(
            id=number,
            date=history.dates[0] if len(history) else 0,
            peer=tl_peer(chat.peer),
            title=title,
            icon_color=TOPIC_COLOUR,
            top_message=history.ids[history.threads[number][-1]] if number in history.threads else number,
            read_inbox_max_id=0,
            read_outbox_max_id=0,
            unread_count=0,
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            from_id=founder,
            notify_settings=NOTIFY,
        )
        for number, title in numbers
    ]
