"""What each new command means: refused, waiting, of a chat that nobody knows yet, or days to plan. Pure."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.spelling import ChatSpelling, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.requests import Request
from tg_fetcher_dagster.requests.command import FetchCommand, parse_command
from tg_fetcher_dagster.requests.command_size import readable_part
from tg_fetcher_dagster.requests.dates import Expansion, expand
from tg_fetcher_dagster.requests.provenance import with_provenance
from tg_fetcher_dagster.requests.rules import Rules

log = structlog.get_logger(__name__)

DIRECT: Final = -1
"""Of `fetch --direct`: it brings its own process, so the runs of others do not count against it."""
URGENT: Final = 0
RANGE: Final = 50
"""Urgency by what is asked; the smaller goes first (docs/ledger.md). A daily round has 90."""

URGENT_DAYS: Final = 3
MAX_PER_DAY: Final = 31
"""Days up to which `per_day` is honoured; beyond, it is a range run (contracts.md, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Who asked, as far as it can be read; every request has this, also one that makes no sense."""

    command_id: str
    correlation_id: str
    requested_by: str
    chat: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that no run can answer.

    Attributes:
        days: those that it is told of; none where no day could be read.
    """

    request: Request
    ids: Ids
    chat: str | None
    error: FetchError
    days: tuple[tuple[dt.date, FetchError], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A command that makes sense."""

    request: Request
    command: FetchCommand

    @property
    def ids(self) -> Ids:
        """Who asked."""
        return Ids(
            command_id=self.command.command_id,
            correlation_id=self.command.correlation_id,
            requested_by=self.command.requested_by,
            chat=self.command.spelling.likely_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The days that a command means.

    Attributes:
        days: to be planned, ascending, the unfinished one last.
        refused: days that cannot be fetched, each with the reason.
        notes: what the requester should know.
    """

    understood: Understood
    chat: str
    days: tuple[dt.date, ...]
    refused: tuple[tuple[dt.date, FetchError], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def priority(self) -> int:
        """How urgent it is."""
        if self.understood.request.source == "direct":
            return DIRECT
        return URGENT if self._is_small else RANGE

    @property
    def _is_small(self) -> bool:
        return len(self.days) <= URGENT_DAYS and self.understood.command.mode not in {"full", "incremental"}


@dataclass(frozen=True, slots=True)
class ChatFacts:
    """What is stored of a chat; read only for `incremental`."""

    first_fetched: dt.date | None = None
    settled: frozenset[dt.date] = field(default_factory=frozenset)


def understand(request: Request) -> Understood | Refusal:
    """Returns the command of a request. Nothing that stands in a queue raises."""
    raw = request.raw or b""
    try:
        _refuse_again(request)
        return Understood(request=request, command=parse_command(raw, made_up_id=request.request_id))
    except FetchError as error:
        refusal = error
    except Exception as error:
        # What breaks the parser must not stop the queue behind it; it stays visible as an internal dead
        # letter, with the stack trace here.
        log.exception("a command broke the parser", request_id=request.request_id)
        refusal = FetchError(ErrorType.INTERNAL, f"the command broke its parser: {error!r}")
    ids = ids_of(request)
    return Refusal(request=request, ids=ids, chat=ids.chat, error=refusal)


def _refuse_again(request: Request) -> None:
    """Raises what was found out of a command when it was taken in, such as a size that is not even kept."""
    if request.error is not None:
        raise FetchError(ErrorType(request.error_type or ErrorType.VALIDATION), request.error)


def ids_of(request: Request) -> Ids:
    """Returns who asked, as far as it can be read."""
    given = readable_part(request.raw or b"")
    told, _ = with_provenance(given, made_up_id=request.request_id)
    return Ids(
        command_id=told["command_id"],
        correlation_id=told["correlation_id"],
        requested_by=told["requested_by"],
        chat=_likely_key(given.get("chat")),
    )


def meaning(
    understood: Understood, identity: ChatIdentity, facts: ChatFacts, *, rules: Rules, today: dt.date
) -> Meant | Refusal:
    """Returns the days that a command means for a chat; a refusal where none of them can be fetched."""
    expansion = _expanded(
        understood.command, rules=rules, today=today, first_message=identity.first_message_date, facts=facts
    )
    refused = tuple(
        (each.day, FetchError(ErrorType.VALIDATION, f"{each.day} {each.reason}"))
        for each in expansion.refused
    )
    if expansion.refusal:
        return Refusal(
            request=understood.request,
            ids=understood.ids,
            chat=identity.key,
            error=expansion.refusal,
            days=refused,
        )
    days = (*expansion.days, *((expansion.today,) if expansion.today else ()))
    notes = (*understood.command.notes, *expansion.notes)
    return Meant(understood=understood, chat=identity.key, days=days, refused=refused, notes=notes)


def hopeless(understood: Understood, error: FetchError, *, rules: Rules, today: dt.date) -> Refusal:
    """Returns the refusal of a command whose chat cannot be found; it is told of each day that is named."""
    command = understood.command
    days: tuple[dt.date, ...] = ()
    if command.mode not in {"full", "incremental"}:
        expansion = _expanded(command, rules=rules, today=today, first_message=None, facts=ChatFacts())
        named = {*expansion.days, *(each.day for each in expansion.refused)}
        days = tuple(sorted(named | ({expansion.today} if expansion.today else set())))
    return Refusal(
        request=understood.request,
        ids=understood.ids,
        chat=command.spelling.likely_key,
        error=error,
        days=tuple((day, error) for day in days),
    )


def not_allowed(
    spelling: ChatSpelling, identity: ChatIdentity | None, allowed: Mapping[str, str | None]
) -> bool:
    """True where CHATS_ALLOWED keeps a chat out.

    Args:
        spelling: as the command named it.
        identity: the chat, where it is known.
        allowed: canonical spelling of each configured chat -> its key, where it is known.
    """
    if spelling.canonical in allowed:
        return False
    return identity is None or identity.key not in allowed.values()


def _expanded(
    command: FetchCommand,
    *,
    rules: Rules,
    today: dt.date,
    first_message: dt.date | None,
    facts: ChatFacts,
) -> Expansion:
    return expand(
        command,
        today=today,
        history_start=rules.history_start,
        first_message=first_message,
        final_days=facts.settled,
        first_fetched=facts.first_fetched,
    )


def _likely_key(chat: object) -> str | None:
    if isinstance(chat, bool) or not isinstance(chat, str | int | float):
        return None
    try:
        return parse_spelling(chat).likely_key
    except FetchError:
        return None


def broken(request: Request, error: Exception) -> Refusal:
    """The refusal of a command that breaks what reads or writes it; nothing of its own is in it."""
    ids = Ids(
        command_id=request.request_id, correlation_id=request.request_id, requested_by="unknown", chat=None
    )
    why = FetchError(ErrorType.INTERNAL, f"the command cannot be carried out: {type(error).__name__}")
    return Refusal(request=request, ids=ids, chat=None, error=why)
