"""The world behind the sandbox: accounts, people, chats and their histories, built when first asked for.

A chat's history is made from the seed at the first request (or by `build`) and kept as bytes; the truth
(`truth.py`) is made from the same posts, not from the bytes. Changes (`edit`, `delete`, `post`) lie over the
posts, so that both follow.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from tg_fetcher_sandbox.cast import Cast
from tg_fetcher_sandbox.changes import Changes
from tg_fetcher_sandbox.chats import OUTSIDE, Chat, all_chats, successor
from tg_fetcher_sandbox.discussion import channel_and_group
from tg_fetcher_sandbox.encoded_history import Comments, encoded_history
from tg_fetcher_sandbox.exact_messages import Exact, exact
from tg_fetcher_sandbox.generator import ChatWriter
from tg_fetcher_sandbox.history import History, Wire
from tg_fetcher_sandbox.people import Account, People
from tg_fetcher_sandbox.posts import Action, Post
from tg_fetcher_sandbox.scenario import Scenario

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
        self._changes = Changes()
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

    def exact(self, chat: Chat) -> Mapping[int, Exact]:
        """Returns the messages that were put into a chat exactly, by their number."""
        return self._changes.exact(chat.name)

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

    def put(self, chat_name: str, *messages: Any) -> None:  # noqa: ANN401 - Telethon carries no types
        """Lets Telethon's messages (or `Exact` ones) stand in a chat just as they are, in the order of ids.

        Their dates may be any, 0 too; one of the same id gives way. Each account sees them under these ids.
        """
        self._changes.put(chat_name, [exact(message) for message in messages])
        self._forget(self.chats[chat_name])

    def put_whole(self, chat_name: str, *messages: Any) -> None:  # noqa: ANN401 - Telethon carries no types
        """Says what messages.getRichMessage gives of messages that stand in a chat in part."""
        self._changes.put_whole(chat_name, [exact(message) for message in messages])

    def whole(self, chat: Chat, number: int) -> Exact | None:
        """Returns the whole of a message that stands in part; None where it was not given."""
        return self._changes.whole(chat.name, number)

    def migrate(self, chat_name: str, *, at: int) -> str:
        """Makes a supergroup of a basic group at a Unix second; returns its name, `<group>_after`."""
        old = self.chats[chat_name]
        new = successor(old)
        self.chats[new.name] = self.by_peer[new.peer] = new
        old.after = new.name
        founder = old.members[0].id
        self.post(chat_name, at=at, sender=founder, action=Action("migrate_to", target=new.peer))
        first = Action("migrate_from", title=old.title, target=old.peer)
        self.post(new.name, at=at, sender=new.peer, action=first)
        self.entities.clear()
        return new.name

    def show_history(self, chat_name: str) -> None:
        """Opens the history that a supergroup hid from newcomers."""
        chat = self.chats[chat_name]
        chat.shows_all = True
        self._forget(chat)

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

    def retitle(self, chat_name: str, title: str) -> None:
        """Gives a chat another title."""
        self.chats[chat_name].title = title
        self.entities.clear()

    def set_forum(self, chat_name: str, *, forum: bool) -> None:
        """Turns a supergroup's topics on or off; its messages stay as they are."""
        self.chats[chat_name].forum = forum
        self.entities.clear()

    def keep_out(self, chat_name: str, *accounts: str) -> None:
        """Takes a chat from these accounts (all of them if none is named), as a ban does."""
        named = accounts or tuple(account.name for account in self.accounts)
        self.chats[chat_name].no_access |= frozenset(named)
        self.entities.clear()

    def _change(self, chat: Chat, number: int, post: Post | None) -> None:
        self._changes.change(chat.name, number, post)
        self._forget(chat)

    def _forget(self, chat: Chat) -> None:
        for key in [key for key in self._histories if key[0] in {chat.name, chat.linked}]:
            del self._histories[key]

    def _with_changes(self, chat: Chat, made: Iterable[Post]) -> Iterator[Post]:
        return self._changes.posts(chat.name, made, from_second=chat.hidden_before)

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
        group = self.chats[chat.linked] if chat.is_broadcast and chat.linked is not None else None
        return encoded_history(
            self._with_changes(chat, made),
            chat=chat,
            number=self.number(chat, account),
            viewer=account.user_id if chat.box is not None else None,
            exact=self.exact(chat).values(),
            comments=Comments(group.peer, self._histories[group.name, None]) if group is not None else None,
        )
