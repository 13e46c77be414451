"""What `status` shows, gathered from the files and, where it is there, from Redis."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import KEY_PATTERN
from tg_fetcher_dagster.cli.account_states import account_states
from tg_fetcher_dagster.days import stretches
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.events.outbox import Outbox
from tg_fetcher_dagster.redis_connection import connect
from tg_fetcher_dagster.requests.queue import CommandQueue
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage, covered_days
from tg_fetcher_dagster.storage.damage import Standing, standing
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.telegram.clock import clock_difference, planning_now, told


class ChatOverview(BaseModel):
    """One chat's days.

    Attributes:
        state: `kept`, `paused`, or `forgotten` where only its files are left.
        days_done: days that need nothing: final, with all their files, as far as a look at them tells.
        days_missing: days that are not, from the first kept one (at the earliest HISTORY_START) to
            yesterday; 0 where nothing was fetched yet.
        missing: the same as runs of days, the newest first: first and last day.
        damaged: days with files that are gone or of another size, a line each, the oldest first.
        doubted: days whose last reading lacks too many messages to be believed.
        last_day: the newest day that is done.
    """

    model_config = ConfigDict(frozen=True)

    chat: str
    title: str
    state: str
    days_done: int
    days_missing: int
    missing: list[tuple[str, str]]
    damaged: list[str] = []
    doubted: list[date] = []
    last_day: date | None
    message_count: int
    last_fetch: datetime | None


class AccountOverview(BaseModel):
    """One account."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str


class Overview(BaseModel):
    """Everything at one moment.

    Attributes:
        names: a line for each username that another chat has now, or that its chat has lost.
        queue: how many commands are queued, processing, delayed, failed; None where Redis is away.
        redis_error: why it is.
        events_pending: events that nobody was told yet.
        clock: how much the machine's clock is off Telegram's time (`1 day, 0:00:03 ahead`); None where it is
            right, or nothing is known of late.
        modes: a line where DATA_DIR is open to more people than DATA_FILE_MODE says.
    """

    model_config = ConfigDict(frozen=True)

    chats: list[ChatOverview]
    names: list[str]
    queue: dict[str, int] | None
    redis_error: str | None
    events_pending: int
    last_fetch: datetime | None
    accounts: list[AccountOverview]
    clock: str | None = None
    modes: str | None = None


def overview(settings: Settings) -> Overview:
    """Returns what there is; Redis being away is part of the answer and no failure.

    Raises:
        FetchError: (storage) the files cannot be read.
    """
    store = Store.of(settings)
    ledger = Outbox(settings.data_dir).ledger
    identities = IdentityTable(settings.data_dir)
    known = {chat.key: chat for chat in identities.all()}
    yesterday = planning_now(settings).astimezone(settings.zone).date() - timedelta(days=1)
    chats = []
    folders = {name for name in store.chats() if re.fullmatch(KEY_PATTERN, name)}
    for key in sorted({*known, *folders}):
        chat = known.get(key)
        covered = covered_days(ledger, key, settings.history_start, yesterday + timedelta(days=1))
        stand = standing(store, key, covered)
        if chat is None and not covered and not stand.damaged:
            continue
        chats.append(
            chat_overview(
                key,
                covered,
                stand,
                title=chat.title if chat else "",
                state="forgotten" if chat is None else "paused" if chat.paused else "kept",
                span=(settings.history_start, yesterday),
            )
        )
    queue, redis_error = _queue_lengths(settings)
    return Overview(
        chats=chats,
        names=identities.name_lines(),
        queue=queue,
        redis_error=redis_error,
        events_pending=len(Outbox(settings.data_dir).pending()),
        last_fetch=max((chat.last_fetch for chat in chats if chat.last_fetch), default=None),
        accounts=[AccountOverview(name=each.name, state=each.state) for each in account_states(settings)],
        clock=told(off) if (off := clock_difference(settings)) else None,
        modes=store.modes_line(),
    )


def chat_overview(
    key: str,
    covered: Mapping[date, Coverage],
    stand: Standing,
    *,
    title: str,
    state: str,
    span: tuple[date, date],
) -> ChatOverview:
    """Returns a chat's days; `span` is HISTORY_START and yesterday."""
    done = stand.done
    begin = max(span[0], stand.first or span[1] + timedelta(days=1))
    wanted = {begin + timedelta(days=number) for number in range((span[1] - begin).days + 1)}
    missing = wanted - done
    runs = reversed(stretches(missing))
    return ChatOverview(
        chat=key,
        title=title,
        state=state,
        days_done=len(done),
        days_missing=len(missing),
        missing=[(run[0].isoformat(), run[-1].isoformat()) for run in runs],
        damaged=[f"{day}: {', '.join(map(str, stand.damaged[day]))}" for day in sorted(stand.damaged)],
        doubted=sorted(stand.doubted),
        last_day=max(done, default=None),
        message_count=sum(coverage.message_count for coverage in covered.values()),
        last_fetch=max((coverage.fetched_at for coverage in covered.values()), default=None),
    )


def _queue_lengths(settings: Settings) -> tuple[dict[str, int] | None, str | None]:
    try:
        with connect(settings) as client:
            return CommandQueue(client, settings.commands_queue).lengths(), None
    except FetchError as error:
        return None, error.message
