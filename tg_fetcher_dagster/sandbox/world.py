"""The world behind the sandbox: accounts, people, chats and their histories, built when first asked for.

A chat's history is made from the seed at the first request (or by `build`) and kept as bytes; the truth is
made from the same posts, not from the bytes. Changes (`edit`, `delete`, `post`) are an overlay on the posts,
so that both follow.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from telethon.tl import types

from tg_fetcher_dagster.sandbox.chats import OUTSIDE, Chat, all_chats
from tg_fetcher_dagster.sandbox.discussion import channel_and_group
from tg_fetcher_dagster.sandbox.encoding import GENERAL_TOPIC, message_bytes, tl_peer
from tg_fetcher_dagster.sandbox.generator import ChatWriter
from tg_fetcher_dagster.sandbox.history import History, Wire
from tg_fetcher_dagster.sandbox.people import Account, People
from tg_fetcher_dagster.sandbox.posts import Post, bare
from tg_fetcher_dagster.sandbox.scenario import Scenario
from tg_fetcher_dagster.sandbox.statement import Cast
from tg_fetcher_dagster.sandbox.truth import world_truth

RECENT_REPLIERS = 3
ACCOUNT_STEP = 7


class World:
    """Everything that is true in a sandbox.

    Attributes:
        scenario: what the file said.
        people: accounts and users.
        chats: every chat by name, those that come with others included.
        entities: how accounts see peers, as bytes; kept by `Viewer`.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.people = People(scenario)
        self.chats = all_chats(scenario, self.people)
        self.by_peer = {chat.peer: chat for chat in self.chats.values()}
        self._cast = Cast(self.people, self.chats)
        self._boxes = sum(chat.box is not None for chat in self.chats.values())
        self._histories: dict[tuple[str, str | None], History] = {}
        self.entities: dict[tuple[str, int], Wire] = {}
        self._changed: dict[str, dict[int, Post | None]] = {}
        self._usernames = {
            person.username.lower(): person.id
            for person in self.people.by_id.values()
            if person.username is not None
        }
        self._usernames |= {chat.username.lower(): chat.peer for chat in self.chats.values() if chat.username}

    @property
    def accounts(self) -> list[Account]:
        """The accounts in the scenario's order."""
        return self.people.accounts

    def account(self, name: str) -> Account:
        """Returns an account by its name.

        Raises:
            KeyError: there is none.
        """
        return {account.name: account for account in self.accounts}[name]

    def peer_of_username(self, username: str) -> int | None:
        """Returns whom a username means now (marked id)."""
        return self._usernames.get(username.lower())

    def access_hash(self, account: Account, peer: int) -> int:
        """Returns the hash by which this account (and no other) may name the peer."""
        digest = blake2b(f"{self.scenario.seed}:{account.name}:{peer}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True) | 1

    def number(self, chat: Chat, account: Account | None) -> Callable[[int], int]:
        """Returns how an account numbers a chat's messages.

        Channels and supergroups number their messages themselves. Private chats and basic groups share one
        sequence in each account's box, so that ids are not dense there and differ between accounts.
        """
        if chat.box is None or account is None:
            return int
        step, first = self._boxes, 1 + chat.box + account.number * ACCOUNT_STEP
        return lambda number: first + (number - 1) * step

    def posts(self, chat: Chat) -> Iterator[Post]:
        """Gives a chat's messages, oldest first, as they are after all changes."""
        return self._with_changes(chat, self._made(chat)[chat.name])

    def build(self) -> None:
        """Makes every chat's history now, so that no request has to wait for it."""
        for account in self.accounts:
            for chat in self.chats.values():
                self.history(chat, account)

    def history(self, chat: Chat, account: Account) -> History:
        """Returns a chat's messages as this account sees them."""
        key = (chat.name, account.name if chat.box is not None else None)
        if key not in self._histories:
            made = self._made(chat)
            # The group first: what a post says of its comments is counted there.
            for name in sorted(made, key=lambda name: self.chats[name].is_broadcast):
                member = self.chats[name]
                self._histories[name, key[1]] = self._encoded(member, made[name], account)
        return self._histories[key]

    def truth(self, *, account: str | None = None, chats: Iterable[str] | None = None) -> dict[str, Any]:
        """Returns what is true now, as plain data: see `truth.world_truth`."""
        return world_truth(self, account=account, chats=chats)

    def edit(self, chat_name: str, number: int, **changes: Any) -> None:  # noqa: ANN401 - any of Post's fields
        """Changes fields of a message (`text=`, `reactions=`, `edited=`, ...), as an editor would."""
        chat = self.chats[chat_name]
        old = next(post for post in self.posts(chat) if post.id == number)
        self._change(chat, number, replace(old, **changes))

    def delete(self, chat_name: str, number: int) -> None:
        """Deletes a message: its id stays a gap."""
        self._change(self.chats[chat_name], number, None)

    def post(self, chat_name: str, **fields: Any) -> int:  # noqa: ANN401 - any of Post's fields
        """Writes a message behind the newest one (`at` and `sender` at least); returns its id."""
        chat = self.chats[chat_name]
        newest = max((post.id for post in self.posts(chat)), default=0)
        added = Post(**fields)
        added.id = newest + 1
        self._change(chat, added.id, added)
        return added.id

    def rename(self, chat_name: str, username: str | None) -> None:
        """Gives a chat another username, or none; one that another chat has changes hands."""
        chat = self.chats[chat_name]
        for other in self.chats.values():
            if (
                username is not None
                and other.username is not None
                and other.username.lower() == username.lower()
            ):
                other.username = None
        if chat.username is not None:
            self._usernames.pop(chat.username.lower(), None)
        if username is not None:
            self._usernames[username.lower()] = chat.peer
        chat.username = username
        self.entities.clear()

    def keep_out(self, chat_name: str, *accounts: str) -> None:
        """Takes a chat from these accounts (all of them if none is named), as a ban does."""
        named = accounts or tuple(account.name for account in self.accounts)
        self.chats[chat_name].no_access |= frozenset(named)
        self.entities.clear()

    def _change(self, chat: Chat, number: int, post: Post | None) -> None:
        self._changed.setdefault(chat.name, {})[number] = post
        for key in [key for key in self._histories if key[0] in {chat.name, chat.linked}]:
            del self._histories[key]

    def _with_changes(self, chat: Chat, made: Iterable[Post]) -> Iterator[Post]:
        changed = dict(self._changed.get(chat.name, {}))
        hidden_before = chat.hidden_before
        for original in made:
            post = changed.pop(original.id, original)
            if post is not None and post.at >= hidden_before:
                yield post
        yield from (post for post in changed.values() if post is not None)

    def _made(self, chat: Chat) -> dict[str, Iterable[Post]]:
        """The posts of a chat and of those that can only be made together with it."""
        seed = self.scenario.seed
        if chat.name == OUTSIDE:
            return {chat.name: ()}
        if chat.linked is None:
            return {chat.name: ChatWriter(chat, cast=self._cast, seed=seed).posts()}
        linked = self.chats[chat.linked]
        channel, group = (chat, linked) if chat.is_broadcast else (linked, chat)
        posts, messages = channel_and_group(channel, group, cast=self._cast, seed=seed)
        return {channel.name: posts, group.name: messages}

    def _encoded(self, chat: Chat, made: Iterable[Post], account: Account) -> History:
        history = History()
        number = self.number(chat, account)
        viewer = account.user_id if chat.box is not None else None
        for post in self._with_changes(chat, made):
            body = message_bytes(
                post,
                peer=chat.peer,
                number=number,
                viewer=viewer,
                replies=self._replies(chat, post) if post.root is not None else None,
                broadcast=chat.is_broadcast,
            )
            thread = number(post.thread) if post.thread is not None else None
            if post.topic == GENERAL_TOPIC:
                thread = GENERAL_TOPIC
            history.add(number(post.id), post.at, body, peers=post.mentioned(), thread=thread)
            if post.root is not None:
                history.roots[post.id] = post.root
            if post.action is not None and post.action.kind == "topic":
                history.topics[post.id] = post.action.title
        if chat.spec.topics:
            history.topics[GENERAL_TOPIC] = "General"
        return history

    def _replies(self, channel: Chat, post: Post) -> Any:  # noqa: ANN401 - Telethon carries no types
        """What a channel's post says of its comments."""
        group = self.chats[channel.linked or ""]
        history = self._histories[group.name, None]
        places = history.threads.get(post.root or 0, ())
        repliers = history.peers(places[-RECENT_REPLIERS:])
        return types.MessageReplies(
            replies=len(places),
            replies_pts=history.top_id,
            comments=True,
            channel_id=bare(group.peer),
            max_id=history.ids[places[-1]] if places else post.root,
            recent_repliers=[tl_peer(peer) for peer in sorted(repliers)] or None,
        )
