"""Which function answers which request about the world."""

from collections.abc import Callable
from functools import partial

from telethon.tl import functions

from tg_fetcher_sandbox.methods import dialogs, history, peers, threads, updates
from tg_fetcher_sandbox.rpc import Answer, Caller, Dispatcher, Request
from tg_fetcher_sandbox.world import World

WorldMethod = Callable[[World, Request, Caller], Answer]

METHODS: dict[type, WorldMethod] = {
    functions.account.UpdateStatusRequest: updates.update_status,
    functions.channels.GetChannelsRequest: peers.get_channels,
    functions.channels.GetFullChannelRequest: peers.get_full_channel,
    functions.channels.GetMessagesRequest: history.get_channel_messages,
    functions.channels.ReadHistoryRequest: updates.read_channel_history,
    functions.contacts.ResolveUsernameRequest: peers.resolve_username,
    functions.messages.GetChatsRequest: peers.get_chats,
    functions.messages.GetDialogsRequest: dialogs.get_dialogs,
    functions.messages.GetDiscussionMessageRequest: threads.get_discussion_message,
    functions.messages.GetForumTopicsRequest: threads.get_forum_topics,
    functions.messages.GetFullChatRequest: peers.get_full_chat,
    functions.messages.GetHistoryRequest: history.get_history,
    functions.messages.GetMessagesRequest: history.get_messages,
    functions.messages.GetPeerDialogsRequest: dialogs.get_peer_dialogs,
    functions.messages.GetPinnedDialogsRequest: dialogs.get_pinned_dialogs,
    functions.messages.GetRepliesRequest: threads.get_replies,
    functions.messages.GetRichMessageRequest: history.get_rich_message,
    functions.messages.ReadHistoryRequest: updates.read_history,
    functions.messages.SearchRequest: history.search,
    functions.updates.GetChannelDifferenceRequest: updates.get_channel_difference,
    functions.updates.GetDifferenceRequest: updates.get_difference,
    functions.updates.GetStateRequest: updates.get_state,
    functions.users.GetFullUserRequest: peers.get_full_user,
    functions.users.GetUsersRequest: peers.get_users,
}


def register_all(dispatcher: Dispatcher, world: World) -> None:
    """Lets the dispatcher answer every method about the world."""
    for request_class, method in METHODS.items():
        dispatcher.register(request_class, partial(method, world))
