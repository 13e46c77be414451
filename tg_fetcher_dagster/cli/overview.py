"""What `status` shows, as one model. Pure: what it is made of is read in `cli/overview_sources.py`."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.chats.access import Refusal

ACCOUNT = "account "
"""How `Waiting.what` begins where an account rests."""


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
        missing: the same as runs of days, the newest first: first and last day. Empty where nobody looked.
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
        chat: whose days wait; None for a trouble or an account.
        days: how many.
    """

    what: str
    why: str
    until: datetime | None
    chat: str | None = None
    days: int = 0


class Need(_Part):
    """What nothing mends but a person.

    Attributes:
        kind: `account`, `disk`, `clock`, `damaged`, `in doubt`, `given up`, `failed`, `refused`, `name`,
            `events`, `spool`, `files`.
        what: which account, chat, day; empty where the kind says it.
        why: one line.
        do: what to type, or to do; None where `why` says it.
    """

    kind: str
    what: str
    why: str
    do: str | None = None


class Disk(_Part):
    """The file system that DATA_DIR is on, in bytes; `free_bytes` is what others than root may take."""

    folder: str
    free_bytes: int
    size_bytes: int


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
    """One account.

    Attributes:
        usable: False where it is in quarantine, or its session cannot be opened.
    """

    name: str
    state: str
    usable: bool = True


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
        at: when all this was asked for.
        redis: whether it answers; `none` where there is none (REDIS_URL is empty).
        disk: None where it does not answer.
        needs: what nothing mends but a person, the most urgent first.
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
    at: datetime
    redis: Literal["answers", "away", "none"]
    disk: Disk | None = None
    needs: list[Need] = []
