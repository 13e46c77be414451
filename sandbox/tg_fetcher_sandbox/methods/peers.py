"""Who is who: usernames, users, groups, channels and what is known of each in full."""

import re
from typing import Any

from telethon.tl import types
from telethon.tl.types import contacts, messages, users

from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.encoding import tl_peer
from tg_fetcher_sandbox.message_answers import NOTIFY
from tg_fetcher_sandbox.posts import bare
from tg_fetcher_sandbox.rpc import Answer, Caller, Request, RpcError
from tg_fetcher_sandbox.viewer import FOUNDED, Viewer
from tg_fetcher_sandbox.world import World

USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,31}")


def resolve_username(world: World, request: Request, caller: Caller) -> Answer:
    """contacts.resolveUsername: whom a username means now.

    Raises:
        RpcError: 400 USERNAME_INVALID or USERNAME_NOT_OCCUPIED.
    """
    viewer = Viewer.of(world, caller)
    if not USERNAME.fullmatch(request.username):
        raise RpcError(400, "USERNAME_INVALID")
    peer = world.peer_of_username(request.username)
    if peer is None:
        raise RpcError(400, "USERNAME_NOT_OCCUPIED")
    return contacts.ResolvedPeer(peer=tl_peer(peer), chats=viewer.chats([peer]), users=viewer.users([peer]))


def get_users(world: World, request: Request, caller: Caller) -> Answer:
    """users.getUsers: the users by id and hash; UserEmpty for those that do not belong together."""
    viewer = Viewer.of(world, caller)
    found = [(given, viewer.person(given)) for given in request.id]
    return [
        viewer.users([person.id])[0] if person else types.UserEmpty(getattr(given, "user_id", 0))
        for given, person in found
    ]


def get_full_user(world: World, request: Request, caller: Caller) -> Answer:
    """users.getFullUser.

    Raises:
        RpcError: 400 USER_ID_INVALID.
    """
    viewer = Viewer.of(world, caller)
    person = viewer.person(request.id)
    if person is None:
        raise RpcError(400, "USER_ID_INVALID")
    full = types.UserFull(
        id=person.id, settings=types.PeerSettings(), notify_settings=NOTIFY, common_chats_count=0
    )
    return users.UserFull(full_user=full, chats=[], users=viewer.users([person.id]))


def get_channels(world: World, request: Request, caller: Caller) -> Answer:
    """channels.getChannels: channels by id and hash; a channel that keeps the account out is said so.

    Raises:
        RpcError: 400 CHANNEL_INVALID or CHANNEL_PRIVATE.
    """
    viewer = Viewer.of(world, caller)
    found = [viewer.channel(given) for given in request.id]
    return messages.Chats(chats=viewer.chats(chat.peer for chat in found))


def get_full_channel(world: World, request: Request, caller: Caller) -> Answer:
    """channels.getFullChannel: the linked chat, the group before the migration, where the history begins.

    Raises:
        RpcError: 400 CHANNEL_INVALID or CHANNEL_PRIVATE.
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.channel(request.channel)
    history = viewer.history(chat)
    full = types.ChannelFull(
        id=bare(chat.peer),
        about="",
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=NOTIFY,
        bot_info=[],
        pts=max(1, history.top_id),
        participants_count=len(chat.members),
    )
    peers = {chat.peer}
    if chat.linked is not None:
        linked = world.chats[chat.linked]
        full.linked_chat_id = bare(linked.peer)
        peers.add(linked.peer)
    if chat.before is not None:
        before = world.chats[chat.before]
        full.migrated_from_chat_id = -before.peer
        full.migrated_from_max_id = viewer.history(before).top_id
        peers.add(before.peer)
    if chat.hidden_before:
        full.hidden_prehistory = True
        full.available_min_id = history.ids[0] - 1 if len(history) else None
    return messages.ChatFull(full_chat=full, chats=viewer.chats(peers), users=[])


def get_chats(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getChats: basic groups by id.

    Raises:
        RpcError: 400 CHAT_ID_INVALID.
    """
    viewer = Viewer.of(world, caller)
    return messages.Chats(chats=viewer.chats(viewer.group(number).peer for number in request.id))


def get_full_chat(world: World, request: Request, caller: Caller) -> Answer:
    """messages.getFullChat: a basic group and who is in it.

    Raises:
        RpcError: 400 CHAT_ID_INVALID.
    """
    viewer = Viewer.of(world, caller)
    chat = viewer.group(request.chat_id)
    full = types.ChatFull(
        id=-chat.peer, about="", participants=_participants(viewer, chat), notify_settings=NOTIFY
    )
    peers = {member.id for member in chat.members} | {viewer.account.user_id, chat.peer}
    if chat.after is not None:
        peers.add(world.chats[chat.after].peer)
    return messages.ChatFull(full_chat=full, chats=viewer.chats(peers), users=viewer.users(peers))


def _participants(viewer: Viewer, chat: Chat) -> Any:  # noqa: ANN401 - Telethon carries no types
    founder, *others = [member.id for member in chat.members]
    members = [number for number in {*others, viewer.account.user_id} if number != founder]
    return types.ChatParticipants(
        chat_id=-chat.peer,
        participants=[
            types.ChatParticipantCreator(founder),
            *(types.ChatParticipant(number, founder, FOUNDED) for number in sorted(members)),
        ],
        version=1,
    )
