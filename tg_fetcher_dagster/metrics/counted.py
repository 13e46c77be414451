"""Metrics that count what happened: kept in the ledger, written with the thing itself (`ledger.measures`).

They are right after any process was killed, whoever counts, and never run backwards.
"""

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.metrics.kinds import (
    SECONDS_OF_A_FETCH,
    SECONDS_OF_A_HOP,
    Metric,
    counter,
    histogram,
)

ENDS = ("fetched", "unchanged", "skipped", "failed", "cancelled", "waits")
"""How the fetch of a day ends: the ends of an ask, and `waits` for one that a passing state put off."""

ERROR_TYPES = tuple(each.value for each in ErrorType)

HOPS = ("queue", "plan", "start", "fetch", "publish")
"""The way of a command: pushed → taken in → planned → its run begins → its days end → its event is out."""

MODES = ("day", "range", "today", "limited")
"""What a run was asked of a chat: one day, several days, the unfinished day, or some messages of each day."""

LOSS_KINDS = ("messages", "comments", "words")
"""`words`: a message is there, and Telegram did not give all of its text."""

SOURCES = ("redis", "spool", "cli", "schedule", "heal", "ui", "direct")
"""Who asks."""

_ONE_ENDING = {"status": ENDS}

FETCH_DURATION = histogram(
    "telegram_fetch_duration_seconds",
    "How long one day of one chat took, from its first request to its files or its error, by what its run was"
    " asked of the chat: one day, a range of them, the unfinished day (today), or limited messages a day.",
    "chat",
    "mode",
    "status",
    buckets=SECONDS_OF_A_FETCH,
    values={"mode": MODES, "status": ENDS},
)
FETCHES = counter(
    "tg_fetcher_fetches_total",
    "Days of chats that were tried, by how that ended.",
    "status",
    values=_ONE_ENDING,
)
MESSAGES = counter("tg_fetcher_messages_total", "Messages in days that were read, comments left out.", "chat")
COMMENTS = counter("tg_fetcher_comments_total", "Comments in days that were read.", "chat")
LOSSES = counter(
    "tg_fetcher_losses_total",
    "Messages or comments that a read day is known to lack, by what.",
    "chat",
    "kind",
    values={"kind": LOSS_KINDS},
)
ERRORS = counter(
    "tg_fetcher_errors_total",
    "Days of chats that were tried and failed or had to wait, by the sort of error.",
    "error_type",
    values={"error_type": ERROR_TYPES},
)
RETRIES = counter(
    "tg_fetcher_retries_total",
    "Tries after the first one: of a request to Telegram, of a run's step, of a day by a new run.",
    "what",
    values={"what": ("request", "step", "day")},
)
TELEGRAM_REQUESTS = counter(
    "tg_fetcher_telegram_requests_total", "Requests that were sent to Telegram.", "account", "method"
)
TELEGRAM_REQUEST_SECONDS = counter(
    "tg_fetcher_telegram_request_seconds_total",
    "Seconds between sending requests and their answers.",
    "account",
    "method",
)
FLOODS = counter(
    "tg_fetcher_floods_total", "Answers of Telegram that said to wait (FLOOD_WAIT).", "account", "method"
)
FLOOD_SECONDS = counter(
    "tg_fetcher_flood_seconds_total", "Seconds that Telegram said to wait.", "account", "method"
)
PACE_SECONDS = counter(
    "tg_fetcher_pace_wait_seconds_total",
    "Seconds that requests waited for the account's own pace.",
    "account",
)
HOP_SECONDS = histogram(
    "tg_fetcher_hop_duration_seconds",
    "How long each hop of an ask took.",
    "hop",
    buckets=SECONDS_OF_A_HOP,
    values={"hop": HOPS},
)
REQUEST_DURATION = histogram(
    "tg_fetcher_request_duration_seconds",
    "From taking in an ask to the end of its last day, by who asked.",
    "source",
    buckets=SECONDS_OF_A_HOP,
    values={"source": SOURCES},
)
REQUESTS = counter(
    "tg_fetcher_requests_total",
    "Asks that were taken in, whoever asked.",
    "source",
    values={"source": SOURCES},
)
REFUSED = counter(
    "tg_fetcher_refused_requests_total",
    "Asks that made no sense and were refused.",
    "source",
    values={"source": SOURCES},
)
RUNS = counter(
    "tg_fetcher_runs_total",
    "Runs that have ended, by how.",
    "end",
    values={"end": ("succeeded", "failed", "waits", "cancelled", "died", "ended")},
)
DEAD_LETTERS = counter(
    "tg_fetcher_dead_letters_total",
    "Asks that were given up, by the sort of error.",
    "error_type",
    values={"error_type": ERROR_TYPES},
)
EVENTS_PUBLISHED = counter(
    "tg_fetcher_events_published_total",
    "Ends of days and refusals that were told downstream.",
    "event",
    values={"event": ("messages_fetched", "fetch_skipped", "fetch_failed")},
)

COUNTED: tuple[Metric, ...] = (
    FETCH_DURATION,
    FETCHES,
    MESSAGES,
    COMMENTS,
    LOSSES,
    ERRORS,
    RETRIES,
    TELEGRAM_REQUESTS,
    TELEGRAM_REQUEST_SECONDS,
    FLOODS,
    FLOOD_SECONDS,
    PACE_SECONDS,
    HOP_SECONDS,
    REQUEST_DURATION,
    REQUESTS,
    REFUSED,
    RUNS,
    DEAD_LETTERS,
    EVENTS_PUBLISHED,
)

BY_NAME = {each.name: each for each in COUNTED}
