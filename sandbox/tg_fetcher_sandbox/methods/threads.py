"""Threads: comments under a channel's post, replies in a supergroup, a forum's topics."""

from telethon.tl.types import messages

from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.history import Window
from tg_fetcher_sandbox.message_answers import page_answer, topics_of
from tg_fetcher_sandbox.rpc import Answer, Caller, Request, RpcError
from tg_fetcher_sandbox.viewer import Viewer
from tg_fetcher_sandbox.world import World


def get_replies(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getReplies: a page of a thread; of a channel's post its comments in the linked group.

    Raises:
        RpcError: 400 MSG_ID_INVALID for a message without a thread, 400 CHANNEL_PRIVATE where the linked
            group keeps the account out; what getHistory refuses.
    """
    viewer = Viewer.of(world, caller)
    group, thread = _thread(viewer, viewer.chat(request.peer), request.msg_id)
    return page_answer(viewer, group, viewer.history(group).thread_page(thread, Window.of(request)))


def get_discussion_message(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getDiscussionMessage: the first message of a thread, as it stands in the group.

    Raises:
        RpcError: as `get_replies`.
    """
    viewer = Viewer.of(world, caller)
    group, thread = _thread(viewer, viewer.chat(request.peer), request.msg_id)
    history = viewer.history(group)
    first = history.place(thread)
    places = [first] if first is not None else []
    inside = history.threads.get(thread, ())
    peers = history.peers(places) | {group.peer}
    return messages.DiscussionMessage(
        messages=[history.body(place) for place in places],
        unread_count=0,
        max_id=history.ids[inside[-1]] if inside else None,
        chats=viewer.chats(peers),
        users=viewer.users(peers),
    )


def get_forum_topics(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getForumTopics: a forum's topics, all on one page.

    Raises:
        RpcError: 400 CHANNEL_FORUM_MISSING where the chat is no forum; what getHistory refuses.
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.chat(request.peer)
    if chat is None or not chat.spec.topics:
        raise RpcError(400, "CHANNEL_FORUM_MISSING")
    history = viewer.history(chat)
    topics = [topic for topic in topics_of(viewer, chat) if topic.id > request.offset_topic]
    tops = [place for topic in topics if (place := history.place(topic.top_message)) is not None]
    peers = history.peers(tops) | {chat.peer, chat.members[0].id}
    return messages.ForumTopics(
        count=1 + len(chat.spec.topics),
        topics=topics,
        messages=[history.body(place) for place in tops],
        chats=viewer.chats(peers),
        users=viewer.users(peers),
        pts=history.top_id,
    )


def _thread(viewer: Viewer, chat: Chat | None, number: int) -> tuple[Chat, int]:
    """Where a thread lives and its first message's id there."""
    if chat is None:
        raise RpcError(400, "MSG_ID_INVALID")
    if not chat.is_broadcast:
        if viewer.history(chat).place(number) is None and number not in viewer.history(chat).threads:
            raise RpcError(400, "MSG_ID_INVALID")
        return chat, number
    root = viewer.history(chat).roots.get(number)
    if root is None or chat.linked is None:
        raise RpcError(400, "MSG_ID_INVALID")
    group = viewer.world.chats[chat.linked]
    if viewer.account.name in group.no_access:
        raise RpcError(400, "CHANNEL_PRIVATE")
    return group, root
