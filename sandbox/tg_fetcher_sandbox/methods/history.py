"""What was said: history by Telegram's paging rules, messages by id, search."""

from datetime import datetime
from typing import Any

from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.types import messages

from tg_fetcher_sandbox.history import History, Window, Wire
from tg_fetcher_sandbox.message_answers import NOTHING, message_or_gap, messages_by_id, page_answer
from tg_fetcher_sandbox.rpc import Answer, Caller, Request, RpcError
from tg_fetcher_sandbox.viewer import Viewer
from tg_fetcher_sandbox.world import World

END_OF_TIME = 2**31 - 1
MOST_IDS = 100


def get_history(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getHistory: a page of a chat, newest first.

    A basic group that keeps the account out is no error: the page is empty and names a ChatForbidden.

    Raises:
        RpcError: 400 CHANNEL_INVALID, CHANNEL_PRIVATE or PEER_ID_INVALID.
    """
    viewer = Viewer.of(world, caller)
    forbidden = viewer.forbidden_group(request.peer)
    if forbidden is not None:
        return messages.Messages(messages=[], topics=[], chats=viewer.chats([forbidden.peer]), users=[])
    chat = viewer.chat(request.peer)
    if chat is None:
        return NOTHING
    return page_answer(viewer, chat, viewer.history(chat).page(Window.of(request)))


def get_channel_messages(world: World, request: Request, caller: Caller) -> Answer:
    """channels.getMessages: messages of a channel or supergroup by id, MessageEmpty for gaps.

    Raises:
        RpcError: 400 CHANNEL_INVALID, CHANNEL_PRIVATE or MSG_ID_INVALID (more than 100 ids).
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.channel(request.channel)
    return messages_by_id(viewer, chat, _numbers(request.id, viewer.history(chat)))


def get_rich_message(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getRichMessage: one message whole, where it stands in the history in part.

    Raises:
        RpcError: 400 MESSAGE_ID_INVALID where there is no such message; what getHistory refuses.
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.chat(request.peer)
    history = viewer.history(chat) if chat is not None else None
    place = history.place(request.id) if history is not None else None
    if chat is None or history is None or place is None:
        raise RpcError(400, "MESSAGE_ID_INVALID")
    whole = world.whole(chat, request.id)
    peers = (whole.peers if whole else history.peers([place])) | {chat.peer}
    return messages.Messages(
        messages=[Wire(whole.body) if whole else history.body(place)],
        topics=[],
        chats=viewer.chats(peers),
        users=viewer.users(peers),
    )


def get_messages(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getMessages: messages of private chats and basic groups by the account's own ids.

    Raises:
        RpcError: 400 MSG_ID_INVALID (more than 100 ids).
    """
    viewer = Viewer.of(world, caller)
    numbers = _numbers(request.id, None)
    boxed = [
        (chat, viewer.history(chat))
        for chat in world.chats.values()
        if chat.box is not None and viewer.account.name in chat.accounts - chat.no_access
    ]
    found: list[Any] = []
    peers: set[int] = set()
    for number in numbers:
        where = next(((chat, history) for chat, history in boxed if history.place(number) is not None), None)
        if where is None:
            found.append(types.MessageEmpty(id=number, peer_id=None))
            continue
        chat, history = where
        place = history.place(number)
        found.append(message_or_gap(history, place, number))
        peers |= history.peers([place] if place is not None else []) | {chat.peer}
    return messages.Messages(messages=found, topics=[], chats=viewer.chats(peers), users=viewer.users(peers))


def _numbers(given: list[Any], history: History | None) -> list[int]:
    """The ids that were asked for; what a message answers can be asked for by the answer's id."""
    if len(given) > MOST_IDS:
        raise RpcError(400, "MSG_ID_INVALID")
    numbers = []
    for wanted in given:
        number = getattr(wanted, "id", 0)
        if isinstance(wanted, types.InputMessageReplyTo) and history is not None:
            place = history.place(number)
            answer = BinaryReader(bytes(history.body(place))).tgread_object() if place is not None else None
            number = getattr(getattr(answer, "reply_to", None), "reply_to_msg_id", None) or 0
        numbers.append(number)
    return numbers


def search(world: World, request: Request, caller: Caller) -> Answer:
    """messages.search with the empty filter: by period, thread and text (as it is written, case counts).

    Raises:
        RpcError: 400 INPUT_FILTER_INVALID for other filters; what getHistory refuses.
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.chat(request.peer)
    if not isinstance(request.filter, types.InputMessagesFilterEmpty):
        raise RpcError(400, "INPUT_FILTER_INVALID")
    if chat is None:
        return NOTHING
    history = viewer.history(chat)
    first, last = _seconds(request.min_date), _seconds(request.max_date)
    places = history.between(first, last - 1 if last else END_OF_TIME)
    if request.top_msg_id:
        inside = set(history.threads.get(request.top_msg_id, ()))
        kept = [place for place in places if place in inside]
    else:
        kept = list(places)
    if request.q:
        wanted = request.q.encode()
        kept = [place for place in kept if wanted in bytes(history.body(place))]
    return page_answer(viewer, chat, history.page_of(kept, Window.of(request)))


def _seconds(when: datetime | int | None) -> int:
    return int(when.timestamp()) if isinstance(when, datetime) else int(when or 0)
