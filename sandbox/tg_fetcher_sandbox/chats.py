"""The chats of a world: those that the scenario names and those that come with them.

A channel brings its discussion group (`<name>_discussion`), a migrated supergroup its old basic group
(`<name>_before`), and every world has one channel outside of it that messages are forwarded from.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Literal

from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.people import People, Person
from tg_fetcher_sandbox.posts import channel_peer, seeded
from tg_fetcher_sandbox.scenario import Access, ChatSpec, Scenario
from tg_fetcher_sandbox.scenario_days import Days

ChatType = Literal["channel", "supergroup", "group", "private"]
OUTSIDE = "outside_channel"
FIRST_CHANNEL_ID = 1_500_000_000
FIRST_GROUP_ID = 400_000_000
SPREAD = 90_000_000


@dataclass(slots=True)
class Chat:
    """One chat.

    Attributes:
        peer: the marked id.
        members: who writes in it (of a private chat: the other side alone).
        accounts: names of the accounts that have it among their dialogs.
        no_access: names of the accounts that are kept out.
        linked: of a channel its discussion group's name, of the group its channel's.
        before: of a migrated supergroup the old group's name; `after` the other way round.
        shows_all: its hidden history was opened.
        forum: whether its topics were turned on or off; None where it is as the scenario says.
        box: its place among the chats that number messages per account; None where the chat numbers them.
        days: the days with generated messages, None where there are none.
    """

    name: str
    type: ChatType
    peer: int
    title: str
    username: str | None
    spec: ChatSpec
    days: Days | None
    members: tuple[Person, ...] = ()
    accounts: frozenset[str] = frozenset()
    no_access: frozenset[str] = frozenset()
    linked: str | None = None
    before: str | None = None
    after: str | None = None
    shows_all: bool = False
    forum: bool | None = None
    box: int | None = None

    @property
    def is_broadcast(self) -> bool:
        """True for channels, whose posts are the channel's own."""
        return self.type == "channel"

    @property
    def is_forum(self) -> bool:
        """True for a supergroup with topics."""
        return bool(self.spec.topics) if self.forum is None else self.forum

    @property
    def hidden_before(self) -> int:
        """The second from which on a newcomer may read (hidden pre-history); 0 where all is shown."""
        day = None if self.shows_all else self.spec.hidden_before
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) if day else 0

    @property
    def key(self) -> str:
        """The chat key under which a fetcher keeps it."""
        if self.username:
            return self.username.lower()
        kind = {"private": "user", "group": "chat"}.get(self.type, "channel")
        return f"{kind}_{str(self.peer).removeprefix('-100' if kind == 'channel' else '-')}"


def all_chats(scenario: Scenario, people: People) -> dict[str, Chat]:
    """Returns every chat by name.

    Raises:
        SandboxError: two chats with one name, id or username.
    """
    chats: dict[str, Chat] = {}
    everybody = frozenset(account.name for account in people.accounts)
    for name, spec in scenario.chats.items():
        for chat in _family(name, spec, scenario=scenario, people=people):
            if chat.name in chats:
                raise SandboxError(f"scenario: two chats are named {chat.name!r}")
            chats[chat.name] = chat
    outside = ChatSpec(type="channel", title="Сторонний канал", username="sandbox_outside")
    chats[OUTSIDE] = _chat(OUTSIDE, outside, scenario=scenario, people=people)
    chats[OUTSIDE].accounts = frozenset()
    chats[OUTSIDE].no_access = everybody
    _number_boxes(chats)
    _check_unique(chats, people)
    return chats


def successor(group: Chat) -> Chat:
    """Returns the supergroup that a basic group becomes, still without messages."""
    name = f"{group.name}_after"
    spec = ChatSpec(type="supergroup", title=group.title)
    return Chat(
        name=name,
        type="supergroup",
        peer=_peer(name, spec),
        title=group.title,
        username=None,
        spec=spec,
        days=None,
        members=group.members,
        accounts=group.accounts,
        before=group.name,
    )


def _family(name: str, spec: ChatSpec, *, scenario: Scenario, people: People) -> list[Chat]:
    chat = _chat(name, spec, scenario=scenario, people=people)
    family = [chat]
    if spec.discussion is not None:
        of = spec.discussion
        group_spec = ChatSpec(
            type="supergroup",
            id=of.id,
            title=of.title or f"{chat.title}: обсуждение",
            username=of.username,
            days=spec.days,
            messages_per_day=of.messages_per_day,
            members=spec.members,
            language=spec.language,
            mix=spec.mix,
            accounts=spec.accounts,
            no_access=of.no_access,
        )
        group = _chat(f"{name}_discussion", group_spec, scenario=scenario, people=people)
        group.linked, chat.linked = chat.name, group.name
        family.append(group)
    if spec.migrated_from is not None:
        before = spec.migrated_from
        old_spec = ChatSpec(
            type="group",
            id=before.id,
            title=chat.title,
            days=before.days,
            messages_per_day=before.messages_per_day,
            members=spec.members,
            language=spec.language,
            mix=spec.mix,
            accounts=spec.accounts,
        )
        old = _chat(f"{name}_before", old_spec, scenario=scenario, people=people)
        old.after, chat.before = chat.name, old.name
        family.append(old)
    return family


def _chat(name: str, spec: ChatSpec, *, scenario: Scenario, people: People) -> Chat:
    everybody = [account.name for account in people.accounts]
    joined = spec.accounts if spec.accounts is not None else everybody
    members = _members(name, spec, scenario=scenario, people=people)
    title, username = spec.title or name, spec.username
    if spec.type == "private":
        joined = joined[:1]
        peer, username = members[0].id, members[0].username
        title = members[0].display_name or ""
    else:
        peer = _peer(name, spec)
    return Chat(
        name=name,
        type=spec.type,
        peer=peer,
        title=title,
        username=username,
        spec=spec,
        days=spec.days or scenario.days,
        members=members,
        accounts=frozenset(joined),
        no_access=_names(spec.no_access, everybody),
    )


def _members(name: str, spec: ChatSpec, *, scenario: Scenario, people: People) -> tuple[Person, ...]:
    rng = seeded(f"{scenario.seed}:{name}:members")
    if spec.type == "private":
        alive = [person for person in people.crowd if not person.deleted and not person.bot]
        return (people.by_name[spec.user] if spec.user else rng.choice(alive),)
    if isinstance(spec.members, list):
        return tuple(people.by_name[member] for member in spec.members)
    return tuple(people.some(rng, max(1, spec.members)))


def _peer(name: str, spec: ChatSpec) -> int:
    number = int.from_bytes(blake2b(name.encode(), digest_size=6).digest()) % SPREAD
    if spec.type == "group":
        return -(spec.id or FIRST_GROUP_ID + number)
    return channel_peer(spec.id or FIRST_CHANNEL_ID + number)


def _names(access: Access, everybody: list[str]) -> frozenset[str]:
    if isinstance(access, list):
        return frozenset(access)
    return frozenset(everybody if access else ())


def _number_boxes(chats: dict[str, Chat]) -> None:
    boxed = [chat for chat in chats.values() if chat.type in {"private", "group"}]
    for number, chat in enumerate(boxed):
        chat.box = number


def _check_unique(chats: dict[str, Chat], people: People) -> None:
    peers: dict[int, str] = {}
    usernames = {
        person.username.lower(): "a user" for person in people.by_id.values() if person.username is not None
    }
    for chat in chats.values():
        if chat.peer in peers:
            raise SandboxError(f"scenario: {chat.name} and {peers[chat.peer]} have one id {chat.peer}")
        peers[chat.peer] = chat.name
        if chat.username is None or chat.type == "private":
            continue
        if chat.username.lower() in usernames:
            raise SandboxError(f"scenario: the username {chat.username} is taken twice")
        usernames[chat.username.lower()] = chat.name
