"""Metrics that show a state: read anew by `tg-fetcher monitor`, source by source, and kept nowhere."""

from tg_fetcher_dagster.metrics.kinds import Metric, gauge

SOURCES = ("ledger", "redis", "dagster", "disk")
"""Where the monitor looks; each by itself, so that one that is away hides nothing of the others."""

# The monitor itself.
BUILD = gauge("tg_fetcher_build_info", "1, with the version that runs.", "version")
SOURCE_UP = gauge(
    "tg_fetcher_source_up",
    "1 where the last look at a source was answered in time; there is no redis where REDIS_URL is empty.",
    "source",
)
SOURCE_AGE = gauge(
    "tg_fetcher_source_age_seconds",
    "Since a source was last read in full; so old are all metrics that come from it.",
    "source",
)
SOURCE_SECONDS = gauge(
    "tg_fetcher_source_duration_seconds", "How long the last look at a source took.", "source"
)
SCRAPE_SECONDS = gauge("tg_fetcher_scrape_duration_seconds", "How long the last answer to a scrape took.")
UNCOUNTED = gauge(
    "tg_fetcher_uncounted_measures",
    "Rows of measures that no total has in it yet; the counters shown have them.",
)

# What is asked.
QUEUE = gauge(
    "tg_fetcher_queue_length",
    "Commands that nobody has taken yet.",
    "queue",
    values={"queue": ("redis", "spool")},
)
QUEUE_AGE = gauge(
    "tg_fetcher_oldest_command_age_seconds",
    "Since the oldest command that waits was pushed, by its own timestamp; 0 where none waits.",
    "state",
    values={"state": ("queued", "planned", "running")},
)
OPEN_REQUESTS = gauge("tg_fetcher_open_requests", "Asks that have not ended.", "state")
OPEN_DAYS = gauge(
    "tg_fetcher_open_days",
    "Days that are asked for and have not ended: ready to start, in a run, or waiting until a moment.",
    "state",
    values={"state": ("ready", "running", "delayed")},
)
DEAD_LETTERS_KEPT = gauge("tg_fetcher_dead_letters", "Asks that were given up and wait for a person.")
GIVEN_UP_DAYS = gauge("tg_fetcher_given_up_days", "Days that nobody tries any more until `tg-fetcher heal`.")

# What runs.
ACTIVE_RUNS = gauge(
    "tg_fetcher_active_runs",
    "Runs of ours, by Dagster's state.",
    "state",
    values={"state": ("QUEUED", "STARTING", "STARTED", "CANCELING")},
)
OLDEST_RUN = gauge(
    "tg_fetcher_oldest_run_age_seconds",
    "Since the oldest run in a state came into it; 0 where none is.",
    "state",
    values={"state": ("QUEUED", "STARTING", "STARTED", "CANCELING")},
)
JOB_RUNS = gauge(
    "tg_fetcher_job_runs",
    "Runs that have not ended, by job (`__ASSET_JOB` are those of the UI); the 200 oldest of a state.",
    "job_name",
    "state",
)
JOB_LAST_END = gauge(
    "tg_fetcher_job_last_run_timestamp_seconds", "When the last run of a job ended (Unix time).", "job_name"
)
JOB_LAST_SECONDS = gauge(
    "tg_fetcher_job_last_run_duration_seconds",
    "How long the last run of a job took that has ended.",
    "job_name",
)
JOB_LAST_FAILED = gauge(
    "tg_fetcher_job_last_run_failed",
    "1 where the last run of a job that has ended did not succeed.",
    "job_name",
)
MATERIALIZED = gauge(
    "tg_fetcher_asset_materialized_timestamp_seconds",
    "When any partition of an asset was last materialized (Unix time).",
    "asset",
)
WORKERS = gauge("tg_fetcher_workers", "Hosts on which a run of ours is under way.")
HEARTBEAT_AGE = gauge(
    "tg_fetcher_oldest_heartbeat_age_seconds",
    "Since the quietest run under way was heard of; 0 where none is.",
)
DAEMON_AGE = gauge(
    "tg_fetcher_daemon_heartbeat_age_seconds", "Since one of Dagster's daemons was last heard of.", "daemon"
)
TICK_AGE = gauge(
    "tg_fetcher_tick_age_seconds",
    "Since the last tick of a sensor or schedule that is switched on.",
    "instigator",
)
TICK_FAILED = gauge(
    "tg_fetcher_tick_failed", "1 where the last tick of a sensor or schedule failed.", "instigator"
)
TICK_ENDED = gauge(
    "tg_fetcher_tick_ended",
    "1 for how the last tick of a sensor or schedule ended; skipped is usual where there was nothing to do.",
    "instigator",
    "end",
)
SWITCHED_ON = gauge(
    "tg_fetcher_instigator_on",
    "1 where a sensor or schedule is switched on, 0 where somebody has switched it off.",
    "instigator",
)
CODE_LOCATION_ERRORS = gauge(
    "tg_fetcher_code_location_errors", "Errors that Dagster's daemons report of loading or reaching the code."
)
POOL_SLOTS = gauge(
    "tg_fetcher_pool_slots",
    "Slots of a pool: all, taken, and runs that wait for one.",
    "pool",
    "state",
    values={"state": ("limit", "claimed", "pending")},
)
PARTITIONS = gauge("tg_fetcher_partitions", "Partitions of an asset; Dagster's limit is 100,000.", "asset")

# What is known.
CHATS = gauge("tg_fetcher_chats", "Chats by state.", "state", values={"state": ("read", "paused", "refused")})
LAST_SUCCESS = gauge(
    "tg_fetcher_last_success_timestamp_seconds",
    "When a day of the chat was last read well (Unix time).",
    "chat",
)
NEWEST_SUCCESS = gauge(
    "tg_fetcher_newest_success_timestamp_seconds", "When any day was last read well (Unix time); 0 for never."
)
LAG = gauge(
    "tg_fetcher_lag_seconds",
    "Now minus the end of the chat's newest final day; of one that has none, its first day.",
    "chat",
)
MISSING = gauge("tg_fetcher_missing_days", "Days since the chat's first that are over and not done.", "chat")
OVERDUE = gauge(
    "tg_fetcher_overdue_days",
    "Missing days that the daily round promises (yesterday and HEAL_DAYS before) and that were over, and"
    " asked for, longer than DAY_DEADLINE_HOURS ago; without given-up ones, paused and refused chats.",
    "chat",
)
DAYS_WITH_LOSSES = gauge(
    "tg_fetcher_days_with_losses", "Days of the chat that are known to lack something.", "chat"
)

# Who reads, and what is in the way.
ACCOUNTS = gauge(
    "tg_fetcher_accounts",
    "Accounts by state.",
    "state",
    values={"state": ("ready", "resting", "quarantined", "signed_out")},
)
ACCOUNT_STATE = gauge(
    "tg_fetcher_account_state",
    "1 for the state that an account is in, 0 for the others; an alert names the account by it.",
    "account",
    "state",
    values={"state": ("ready", "resting", "quarantined", "signed_out")},
)
ACCOUNT_FREE_IN = gauge(
    "tg_fetcher_account_free_in_seconds",
    "Until an account that rests may ask again; 0 where it may.",
    "account",
)
LEASE_AGE = gauge(
    "tg_fetcher_lease_age_seconds",
    "Since an account's holder was last heard of; 0 where nobody holds it.",
    "account",
)
PACE = gauge(
    "tg_fetcher_pace_limit_requests_per_second",
    "The pace that an account is allowed (RATE_LIMIT_CALLS_PER_SEC).",
    "account",
)
CONDITION = gauge(
    "tg_fetcher_condition",
    "1 while a trouble lasts that all work waits for (a breaker that is open).",
    "condition",
    values={"condition": ("redis_away", "telegram_away")},
)
CONDITION_AGE = gauge(
    "tg_fetcher_condition_age_seconds", "Since a trouble began; 0 where there is none.", "condition"
)

# Who is told.
EVENTS_PENDING = gauge("tg_fetcher_events_pending", "Events that nobody was told of yet.")
EVENTS_AGE = gauge(
    "tg_fetcher_oldest_event_age_seconds",
    "Since the oldest event was recorded that waits; 0 where none does.",
)
EVENTS_SET_ASIDE = gauge(
    "tg_fetcher_events_set_aside", "Events that cannot be told, because they are damaged."
)

# Where it rests.
DISK_FREE = gauge(
    "tg_fetcher_disk_free_bytes",
    "Free space where a folder lies.",
    "folder",
    values={"folder": ("data", "ledger", "dagster")},
)
DISK_SIZE = gauge("tg_fetcher_disk_size_bytes", "The size of that file system.", "folder")
LEDGER_SIZE = gauge("tg_fetcher_ledger_size_bytes", "The ledger's size, its log included.")

SHOWN: tuple[Metric, ...] = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
