"""The scenario file: which accounts, people, chats and faults a sandbox has (docs/scenarios.md).

Only what is written and what it may be stands here; `generator.py` makes messages of it. A fault is passed
through as it stands: `faults.py` knows what one may say.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.scenario_days import Days, Strict, Volume, Volumes, volume_on
from tg_fetcher_sandbox.scenario_messages import ScenarioMessage, named_once

USERNAME = r"^[A-Za-z][A-Za-z0-9_]{2,31}$"
NAME = r"^[a-z][a-z0-9_]{0,63}$"

Share = Annotated[float, Field(ge=0, le=1)]
Language = Literal["ru", "en", "mixed"]
Access = bool | list[str]


class AccountSpec(Strict):
    """An account that clients can sign in as."""

    name: str = Field(pattern=NAME)
    phone: str = Field(pattern=r"^\+?\d{7,15}$")
    code: str = Field("12345", pattern=r"^\d{5,6}$")
    password: str | None = None
    signed_in: bool = True
    first_name: str = "Sandbox"
    last_name: str | None = None
    username: str | None = Field(None, pattern=USERNAME)


class UserSpec(Strict):
    """A person that the scenario names; others are made up."""

    id: int | None = Field(None, gt=0)
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = Field(None, pattern=USERNAME)
    deleted: bool = False
    bot: bool = False


class Mix(Strict):
    """How much of everything: the share of the messages that have it."""

    replies: Share = 0.25
    quotes: Share = 0.1
    forwards: Share = 0.05
    reactions: Share = 0.3
    media: Share = 0.12
    albums: Share = 0.02
    polls: Share = 0.01
    service: Share = 0.01
    edits: Share = 0.05
    gaps: Share = 0.03
    odd: Share = 0.01
    anonymous: Share = 0.02
    links: Share = 0.08
    code: Share = 0.04
    mentions: Share = 0.04
    questions: Share = 0.2


class Comments(Strict):
    """How many comments stand under a channel's posts."""

    share: Share = 0.6
    most: Volume = 8
    exactly: Volume | None = None


class Discussion(Strict):
    """The supergroup that is linked to a channel; it becomes the chat `<channel>_discussion`."""

    title: str | None = None
    username: str | None = Field(None, pattern=USERNAME)
    id: int | None = Field(None, gt=0)
    messages_per_day: Volume = 2
    no_access: Access = False


class Migration(Strict):
    """The basic group that a supergroup was made of; it becomes the chat `<supergroup>_before`."""

    days: Days
    messages_per_day: Volume = 5
    id: int | None = Field(None, gt=0)


class ChatSpec(Strict):
    """One chat."""

    type: Literal["channel", "supergroup", "group", "private"]
    id: int | None = Field(None, gt=0)
    title: str | None = None
    username: str | None = Field(None, pattern=USERNAME)
    days: Days | None = None
    messages_per_day: Volumes = 0
    members: Volume | list[str] = 12
    language: Language = "mixed"
    mix: Mix = Mix()
    signed: bool = False
    noforwards: bool = False
    comments: Comments | Volume | None = None
    discussion: Discussion | None = None
    topics: tuple[str, ...] = ()
    migrated_from: Migration | None = None
    hidden_before: date | None = None
    accounts: list[str] | None = None
    no_access: Access = False
    user: str | None = Field(None, alias="with")
    messages: tuple[ScenarioMessage, ...] = ()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        wrong = [
            ("discussion", self.discussion is not None and self.type != "channel", "a channel"),
            (
                "comments",
                self.comments is not None and self.discussion is None,
                "a channel with a discussion",
            ),
            ("topics", bool(self.topics) and self.type != "supergroup", "a supergroup"),
            ("migrated_from", self.migrated_from is not None and self.type != "supergroup", "a supergroup"),
            ("hidden_before", self.hidden_before is not None and self.type != "supergroup", "a supergroup"),
            ("username", self.username is not None and self.type in {"group", "private"}, "a public chat"),
            ("with", self.user is not None and self.type != "private", "a private chat"),
        ]
        for name, is_wrong, owner in wrong:
            if is_wrong:
                raise ValueError(f"{name} is only for {owner}")
        named_once(self.messages)
        return self

    def volume(self, day: date, number: int) -> int:
        """Returns how many messages a day has; `number` counts the chat's days from 0."""
        return volume_on(self.messages_per_day, day, number)


class Scenario(Strict):
    """A whole world."""

    seed: int = 1
    days: Days | None = None
    people: int = Field(60, ge=1, le=100_000)
    accounts: tuple[AccountSpec, ...] = (AccountSpec(name="main", phone="+15550001001"),)
    users: dict[Annotated[str, Field(pattern=NAME)], UserSpec] = Field(default_factory=dict)
    chats: dict[Annotated[str, Field(pattern=NAME)], ChatSpec] = Field(default_factory=dict)
    faults: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        accounts = [account.name for account in self.accounts]
        if not accounts or len(set(accounts)) < len(accounts):
            raise ValueError("accounts: at least one, each with a name of its own")
        phones = [account.phone.lstrip("+") for account in self.accounts]
        if len(set(phones)) < len(phones):
            raise ValueError("accounts: two have the same phone")
        for name, chat in self.chats.items():
            _check_names(name, chat, accounts=set(accounts), users=set(self.users))
        return self


def _check_names(name: str, chat: ChatSpec, *, accounts: set[str], users: set[str]) -> None:
    named = list(chat.accounts or [])
    for access in (chat.no_access, chat.discussion.no_access if chat.discussion else False):
        named += access if isinstance(access, list) else []
    people = list(chat.members) if isinstance(chat.members, list) else []
    people += [chat.user] if chat.user else []
    for unknown in sorted(set(named) - accounts):
        raise ValueError(f"chats.{name}: there is no account {unknown!r}")
    for unknown in sorted(set(people) - users - accounts):
        raise ValueError(f"chats.{name}: there is no user {unknown!r}")


def parse_scenario(data: dict[str, Any], *, today: date | None = None) -> Scenario:
    """Checks a scenario.

    Args:
        data: what the file says.
        today: the day that relative days are taken from; today (UTC) if not given.

    Raises:
        SandboxError: one line that names the place and what is allowed.
    """
    try:
        return Scenario.model_validate(data, context={"today": today or datetime.now(UTC).date()})
    except ValidationError as error:
        faults = error.errors(include_url=False)
        place = ".".join(str(part) for part in faults[0]["loc"]) or "scenario"
        said = faults[0]["msg"].removeprefix("Value error, ")
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise SandboxError(f"scenario {place}: {said}{more}") from None


def load_scenario(path: Path | str, *, today: date | None = None) -> Scenario:
    """Reads a scenario file.

    Raises:
        SandboxError: one line that names the file and what is wrong.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SandboxError(f"scenario {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SandboxError(f"scenario {path}: not YAML: {error}") from None
    if not isinstance(data, dict):
        raise SandboxError(f"scenario {path}: must be a mapping with accounts and chats")
    return parse_scenario(data, today=today)
