"""What `status` shows, as one model. Pure: what it is made of is read in `cli/overview_sources.py`."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.chats.access import Refusal
from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.ledger.days import NO_DAYS, DayCounts


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ChatOverview(_Part):
    """One chat's days.

    Attributes:
        state: `kept`, `paused`, `refused` (it answers that it cannot be read), or `forgotten`.
        days_done: days that need nothing.
        days_asked: days that are asked for and have not ended.
        days_given_up: days that nobody asks for by himself any more.
        days_missing: days that are not done, from the first one that was ever asked for (at the earliest
            HISTORY_START) to yesterday; 0 where none was.
        missing: the same as runs of days, the newest first: first and last day.
        doubted: days whose last reading lacks too many messages to be believed.
        first_day: the first day that was ever asked for.
        last_day: the newest day that is done.
    """

    chat: str
    title: str
    state: str
    days_done: int
    days_asked: int
    days_given_up: int
    days_missing: int
    missing: list[tuple[str, str]]
    doubted: list[date]
    first_day: date | None
    last_day: date | None
    message_count: int
    last_fetch: datetime | None
    refused: Refusal | None


class Waiting(_Part):
    """What is waited for.

    Attributes:
        what: a trouble (`redis`), an account (`account main`) or a chat's days (`ru_python: 3 days`).
        until: None where nobody knows.
    """

    what: str
    why: str
    until: datetime | None


class InFlight(_Part):
    """Days that one run reads (`running`), or is to read (`asked`)."""

    batch_id: str
    chats: list[str]
    first: date
    last: date
    state: str
    asked_at: datetime
    run_id: str | None


class AccountOverview(_Part):
    """One account."""

    name: str
    state: str


class LedgerPart(_Part):
    """What the ledger says.

    Attributes:
        requests: how many have not ended, by who asked: `redis`, `spool`, `cli`, `schedule`, `heal`, ...
        events_pending: events that nobody was told yet; counted up to 100,000.
        events_damaged: events that nobody can be told of, since their bodies are damaged.
        size_bytes: of the database.
    """

    chats: list[ChatOverview]
    names: list[str]
    waiting: list[Waiting]
    requests: dict[str, int]
    in_flight: list[InFlight]
    events_pending: int
    events_damaged: int
    dead_letters: int
    size_bytes: int


class Overview(LedgerPart):
    """Everything at one moment.

    Attributes:
        names: a line for each username that another chat has now, or that its chat has lost.
        queue: how many commands Redis holds, by the list; None where it is away, or there is none.
        redis_error: why it is.
        spool: how many commands wait in the spool folder; None where it cannot be read.
        accounts_error: why nothing can be said of the accounts.
        damaged: a line for each day with files that are gone or of another size; None where nobody looked.
        clock: how much the machine's clock is off Telegram's time (`1 day, 0:00:03 ahead`); None where it is
            right, or nothing is known of late.
        modes: a line where DATA_DIR is open to more people than DATA_FILE_MODE says.
    """

    queue: dict[str, int] | None
    redis_error: str | None
    spool: int | None = None
    last_fetch: datetime | None
    accounts: list[AccountOverview]
    accounts_error: str | None
    damaged: list[str] | None = None
    clock: str | None = None
    modes: str | None = None


def chat_overview(
    key: str,
    identity: ChatIdentity | None,
    *,
    counts: DayCounts = NO_DAYS,
    first: date | None,
    done: Sequence[date] | None,
    span: tuple[date, date],
    asked: int = 0,
    given_up: int = 0,
    doubted: list[date] | None = None,
    refused: Refusal | None = None,
) -> ChatOverview:
    """Returns one chat's days.

    Args:
        key: the chat's.
        identity: None where only its days are left.
        counts: of its days.
        first: the first day of which anything is known.
        done: the days that need nothing, ascending; None where none is missing (`may_lack_days`).
        span: HISTORY_START and yesterday.
        asked: days that are asked for.
        given_up: days that were given up.
        doubted: days that are not believed.
        refused: why it cannot be read.
    """
    gaps = _gaps(max(span[0], first), span[1], done) if first and done is not None else []
    paused = identity is not None and identity.paused
    return ChatOverview(
        chat=key,
        title=identity.title if identity else "",
        state="forgotten" if identity is None else "refused" if refused else "paused" if paused else "kept",
        days_done=counts.settled,
        days_asked=asked,
        days_given_up=given_up,
        days_missing=sum((last - begin).days + 1 for begin, last in gaps),
        missing=[(begin.isoformat(), last.isoformat()) for begin, last in gaps],
        doubted=doubted or [],
        first_day=first,
        last_day=counts.last_settled,
        message_count=counts.messages,
        last_fetch=datetime.fromtimestamp(counts.fetched_at, UTC) if counts.fetched_at else None,
        refused=refused,
    )


def may_lack_days(counts: DayCounts, first: date | None, span: tuple[date, date]) -> bool:
    """Returns whether a chat's days must be looked at one by one to know what is missing."""
    if first is None:
        return False
    return first < span[0] or counts.settled < (span[1] - first).days + 1


def _gaps(first: date, last: date, done: Sequence[date]) -> list[tuple[date, date]]:
    """Runs of days of `first..last` that are not done, the newest first; `done` ascends."""
    gaps = []
    expected = first.toordinal()
    # Whole numbers: there may be some hundred thousand days.
    for day in (*(each.toordinal() for each in done), last.toordinal() + 1):
        if day > expected and expected <= last.toordinal():
            end = min(day - 1, last.toordinal())
            gaps.append((date.fromordinal(expected), date.fromordinal(end)))
        expected = max(expected, day + 1)
    return gaps[::-1]
