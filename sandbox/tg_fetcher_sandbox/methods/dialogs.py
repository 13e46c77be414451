"""The account's list of chats, newest first."""

from typing import Any

from telethon.tl import types
from telethon.tl.types import messages

from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.encoding import tl_peer
from tg_fetcher_sandbox.message_answers import NOTIFY
from tg_fetcher_sandbox.methods.updates import state_now
from tg_fetcher_sandbox.posts import is_channel
from tg_fetcher_sandbox.rpc import Answer, Caller, Request
from tg_fetcher_sandbox.viewer import Viewer
from tg_fetcher_sandbox.world import World

MOST_DIALOGS = 100


def get_dialogs(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getDialogs: a page of the list, after the dialog that the offsets name."""
    viewer = Viewer.of(world, caller)
    chats = [] if request.folder_id else _joined(viewer)
    start = _start(viewer, chats, request)
    page = chats[start : start + max(0, min(request.limit, MOST_DIALOGS))]
    parts = _described(viewer, page)
    if len(page) == len(chats):
        return messages.Dialogs(**parts)
    return messages.DialogsSlice(count=len(chats), **parts)


def get_pinned_dialogs(world: World, request: Request, caller: Caller) -> Answer:  # noqa: ARG001
    """messages.getPinnedDialogs: none is pinned."""
    viewer = Viewer.of(world, caller)
    return messages.PeerDialogs(state=state_now(), **_described(viewer, []))


def get_peer_dialogs(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getPeerDialogs: the newest message of many chats in one call.

    Raises:
        RpcError: 400 CHANNEL_INVALID, CHANNEL_PRIVATE or PEER_ID_INVALID.
    """
    viewer = Viewer.of(world, caller)
    asked = [viewer.chat(given.peer) for given in request.peers if isinstance(given, types.InputDialogPeer)]
    found = [chat for chat in asked if chat is not None]
    return messages.PeerDialogs(state=state_now(), **_described(viewer, found))


def _joined(viewer: Viewer) -> list[Chat]:
    """The account's chats, the one with the newest message first."""
    joined = [chat for chat in viewer.world.chats.values() if viewer.account.name in chat.accounts]

    def newest(chat: Chat) -> tuple[int, int]:
        history = viewer.history(chat)
        return (history.dates[-1] if len(history) else 0, chat.peer)

    return sorted(joined, key=newest, reverse=True)


def _start(viewer: Viewer, chats: list[Chat], request: Request) -> int:
    given = request.offset_peer
    if isinstance(given, types.InputPeerEmpty):
        return 0
    if isinstance(given, types.InputPeerChannel):
        peer = viewer.named_channel(given).peer
    elif isinstance(given, types.InputPeerChat):
        peer = -given.chat_id
    else:
        person = viewer.person(given)
        peer = person.id if person else 0
    return next((place + 1 for place, chat in enumerate(chats) if chat.peer == peer), 0)


def _described(viewer: Viewer, chats: list[Chat]) -> dict[str, list[Any]]:
    peers = {chat.peer for chat in chats}
    tops = []
    dialogs = []
    for chat in chats:
        history = viewer.history(chat)
        readable = len(history) > 0 and not viewer.is_kept_out(chat)
        if readable:
            tops.append(history.body(len(history) - 1))
            peers |= history.peers([len(history) - 1])
        dialogs.append(
            types.Dialog(
                peer=tl_peer(chat.peer),
                top_message=history.top_id if readable else 0,
                read_inbox_max_id=history.top_id,
                read_outbox_max_id=0,
                unread_count=0,
                unread_mentions_count=0,
                unread_reactions_count=0,
                unread_poll_votes_count=0,
                notify_settings=NOTIFY,
                pts=max(1, history.top_id) if is_channel(chat.peer) else None,
            )
        )
    return {
        "dialogs": dialogs,
        "messages": tops,
        "chats": viewer.chats(peers),
        "users": viewer.users(peers),
    }
