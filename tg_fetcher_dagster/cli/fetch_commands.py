"""What a `fetch` command line asks for: the commands that it means."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson

from tg_fetcher_dagster.chats.identity_table import open_identities
from tg_fetcher_dagster.chats.ids import id_key
from tg_fetcher_dagster.cli.dates import check_range
from tg_fetcher_dagster.cli.usage import WrongUse, spelling_of
from tg_fetcher_dagster.requests.command import FetchCommand, parse_command
from tg_fetcher_dagster.requests.dates import expand
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.clock import planning_now

WAYS = "--date, --from and --to, --days, --yesterday, --today, --full, --incremental"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The days that were asked for, as options.

    Attributes:
        modes: of `yesterday`, `today`, `full`, `incremental` those that were given.
    """

    day: date | None = None
    first: date | None = None
    last: date | None = None
    days: int | None = None
    modes: tuple[str, ...] = ()

    def mode(self, settings: Settings) -> dict[str, Any]:
        """Returns the command's keys for the days; where none are named, FETCH_MODE says which.

        Raises:
            WrongUse: several ways to say the days at once, or half of one.
        """
        check_range(self.first, self.last)
        ways: list[dict[str, Any]] = [{"mode": mode} for mode in self.modes]
        if self.day:
            ways.append({"mode": "date", "date": self.day.isoformat()})
        if self.first and self.last:
            ways.append({"mode": "range", "from": self.first.isoformat(), "to": self.last.isoformat()})
        if self.days is not None:
            ways.append({"mode": "days", "days": self.days})
        if len(ways) > 1:
            raise WrongUse(f"give only one of {WAYS}")
        return ways[0] if ways else _of_settings(settings)


def _of_settings(settings: Settings) -> dict[str, Any]:
    match settings.fetch_mode:
        case "date":
            return {"mode": "date", "date": str(settings.fetch_date)}
        case "range":
            return {"mode": "range", "from": str(settings.fetch_start), "to": str(settings.fetch_end)}
        case mode:
            return {"mode": mode}


def commands_for(
    chats: list[str],
    wanted: Wanted,
    settings: Settings,
    *,
    force: bool = False,
    limit: int | None = None,
    strategy: str = "batch",
) -> list[FetchCommand]:
    """Returns one command a chat.

    Args:
        chats: those of TELEGRAM_CHATS where none is named.
        wanted: which days.
        settings: FETCH_MODE and TELEGRAM_CHATS.
        force: fetch complete days again.
        limit: at most so many messages a day.
        strategy: `batch` or `per_day`.

    Raises:
        WrongUse: no chat, or days that contradict each other.
        FetchError: (validation) a chat's spelling or a number makes no sense.
    """
    keys = wanted.mode(settings)
    named = chats or [_configured(chat, settings) for chat in settings.telegram_chats]
    if not named:
        raise WrongUse("no chat: name one, or set TELEGRAM_CHATS")
    for chat in named:
        spelling_of(chat)
    return [_command({**keys, "chat": chat}, force=force, limit=limit, strategy=strategy) for chat in named]


def check_days(asked: Sequence[FetchCommand], settings: Settings) -> None:
    """Refuses before anything is pushed what would cost an event a day and a dead letter.

    Raises:
        WrongUse: a day is before HISTORY_START or has not begun.
    """
    today = planning_now(settings).astimezone(settings.zone).date()
    for each in asked:
        refused = expand(each, today=today, history_start=settings.history_start).refused
        if refused:
            first, last = refused[0], refused[-1]
            more = f" (and {len(refused) - 1} more, to {last.day})" if len(refused) > 1 else ""
            raise WrongUse(
                f"{first.day} {first.reason}{more}: {settings.history_start} to {today} can be fetched"
            )


def _configured(chat: str, settings: Settings) -> str:
    """A configured name whose chat has lost it goes on with that chat: by its id, which cannot be taken."""
    spelling = spelling_of(chat)
    with open_identities(settings) as identities:
        known = identities.first_meant(spelling)
    return id_key(known.marked_id) if known is not None and spelling.username in known.lost_names else chat


def as_pushed(command: FetchCommand) -> dict[str, Any]:
    """Returns a command as any producer may push it."""
    return command.model_dump(mode="json", by_alias=True, exclude={"notes"}, exclude_none=True)


def _command(keys: dict[str, Any], *, force: bool, limit: int | None, strategy: str) -> FetchCommand:
    command_id = f"cli-{uuid.uuid4().hex}"
    told = {
        "command": "fetch",
        **keys,
        "strategy": strategy,
        "force": force,
        "limit": limit,
        "requested_by": "tg-fetcher",
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "command_id": command_id,
        "correlation_id": command_id,
    }
    return parse_command(orjson.dumps(told), made_up_id=command_id)
