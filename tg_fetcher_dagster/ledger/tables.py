"""The ledger's tables (docs/ledger.md says what each is for and how a row lives).

Moments are seconds since 1970 in UTC (`Float`), days are dates in TIMEZONE; `Text` columns that are named
after a model hold its JSON. The migrations make the tables; a test holds them to what stands here.
"""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A growing number; SQLite counts by itself only in a column that is INTEGER."""

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    comment="single values: the epoch, cursors, when something was last done",
)

conditions = sa.Table(
    "conditions",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("until", sa.Float),
    sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    sa.Column("said_at", sa.Float, nullable=False, server_default="0"),
    comment="troubles that last and are waited for; a row is there while it lasts",
)

chats = sa.Table(
    "chats",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("marked_id", sa.BigInteger, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("forgotten_at", sa.Float),
    # A chat that answers "no access" or "not found" leaves the daily round; it is asked for once a day.
    sa.Column("refused_type", sa.String(32)),
    sa.Column("refused_why", sa.Text),
    sa.Column("refused_since", sa.Float),
    sa.Column("ask_again_at", sa.Float),
    sa.Column("updated_at", sa.Float, nullable=False),
    # A forgotten chat keeps its row, and so its key; it may come back under another chat's.
    sa.Index(
        "uq_chats_marked_id",
        "marked_id",
        unique=True,
        sqlite_where=sa.text("forgotten_at IS NULL"),
        postgresql_where=sa.text("forgotten_at IS NULL"),
    ),
    comment="who a chat is (the model ChatIdentity) and whether it can be read",
)

unresolved = sa.Table(
    "unresolved",
    metadata,
    sa.Column("spelling", sa.String(128), primary_key=True),
    sa.Column("error_type", sa.String(32), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("retry_after", sa.Float),
    comment="spellings that led to no chat: nobody asks again for the same request",
)

days = sa.Table(
    "days",
    metadata,
    sa.Column("chat", sa.String(64), primary_key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("coverage", sa.Text),
    sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("proved", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("checksum_sha256", sa.String(64)),
    sa.Column("message_count", sa.Integer),
    sa.Column("fetched_at", sa.Float),
    sa.Column("requests", sa.Integer),
    # What is known to be missing from it, in kinds of loss.
    sa.Column("losses", sa.Integer, nullable=False, server_default="0"),
    # When it must be looked at again although nobody asks: a doubted deletion, a day to be read anew.
    sa.Column("due_at", sa.Float),
    sa.Column("failed_rounds", sa.Integer, nullable=False, server_default="0"),
    sa.Column("given_up_at", sa.Float),
    sa.Column("error_type", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Column("updated_at", sa.Float, nullable=False),
    sa.Index("ix_days_chat_settled", "chat", "settled", "date"),
    # Counts of a chat's days are read from here, never from the rows with their long records.
    sa.Index("ix_days_counts", "chat", "date", "fetched_at", "settled", "message_count"),
    sa.Index(
        "ix_days_due_at",
        "due_at",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_days_given_up_at",
        "given_up_at",
        sqlite_where=sa.text("given_up_at IS NOT NULL"),
        postgresql_where=sa.text("given_up_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_days_with_losses",
        "chat",
        sqlite_where=sa.text("losses > 0"),
        postgresql_where=sa.text("losses > 0"),
    ),
    comment="what is proved of each chat and day (the model Coverage), and days that failed",
)

intents = sa.Table(
    "intents",
    metadata,
    sa.Column("chat", sa.String(64), primary_key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("intent_id", sa.String(64), nullable=False),
    sa.Column("run_id", sa.String(64)),
    sa.Column("began_at", sa.Float, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    comment="a day whose sealed files are being renamed into their places; gone with the day's commit",
)

requests = sa.Table(
    "requests",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.String(80), nullable=False, unique=True),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("raw_sha256", sa.String(64)),
    sa.Column("command_id", sa.String(200)),
    sa.Column("correlation_id", sa.String(200), nullable=False),
    sa.Column("spelling", sa.String(200)),
    sa.Column("chat", sa.String(64)),
    sa.Column("force", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("message_limit", sa.Integer),
    sa.Column("strategy", sa.String(16), nullable=False, server_default="batch"),
    sa.Column("priority", sa.Integer, nullable=False, server_default="50"),
    sa.Column("requested_by", sa.String(200), nullable=False, server_default="unknown"),
    sa.Column("requested_at", sa.Float),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("run_id", sa.String(64)),
    sa.Column("wait_until", sa.Float),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("open_days", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_days", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error_type", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Column("ended_at", sa.Float),
    sa.Column("planned_at", sa.Float),
    sa.Index("ix_requests_state", "state", "seq"),
    sa.Index(
        "ix_requests_answered",
        "seq",
        sqlite_where=sa.text("state = 'planned' AND open_days <= 0"),
        postgresql_where=sa.text("state = 'planned' AND open_days <= 0"),
    ),
    sa.Index(
        "ix_requests_wait_until",
        "wait_until",
        sqlite_where=sa.text("wait_until IS NOT NULL"),
        postgresql_where=sa.text("wait_until IS NOT NULL"),
    ),
    sa.Index("ix_requests_received_at", "received_at"),
    sa.Index("ix_requests_command_id", "command_id"),
    sa.Index("ix_requests_raw_sha256", "raw_sha256"),
    comment="every ask, whoever asks: redis, spool, cli, schedule, heal, ui, direct",
)

asks = sa.Table(
    "asks",
    metadata,
    sa.Column("request_id", sa.String(80), primary_key=True),
    sa.Column("chat", sa.String(64), primary_key=True),
    sa.Column("date", sa.Date, primary_key=True),
    sa.Column("seq", SEQUENCE, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("force", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("message_limit", sa.Integer),
    sa.Column("strategy", sa.String(16), nullable=False, server_default="batch"),
    sa.Column("state", sa.String(16), nullable=False, server_default="open"),
    sa.Column("batch_id", sa.String(80)),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("waits", sa.Integer, nullable=False, server_default="0"),
    sa.Column("wait_until", sa.Float, nullable=False, server_default="0"),
    sa.Column("error_type", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Column("event_id", sa.String(36)),
    sa.Column("ended_at", sa.Float),
    # From chat to chat, and in each to the first one that may start.
    sa.Index(
        "ix_asks_to_start",
        "chat",
        "priority",
        "seq",
        "date",
        "wait_until",
        sqlite_where=sa.text("state = 'open' AND batch_id IS NULL"),
        postgresql_where=sa.text("state = 'open' AND batch_id IS NULL"),
    ),
    sa.Index(
        "ix_asks_open",
        "chat",
        "date",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    ),
    # Without those that have none: else SQLite looks for these here, one by one.
    sa.Index(
        "ix_asks_batch_id",
        "batch_id",
        sqlite_where=sa.text("batch_id IS NOT NULL"),
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    ),
    sa.Index("ix_asks_ended_at", "ended_at"),
    comment="one day of one chat that a request asked for, until it has ended",
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("batch_id", sa.String(80), primary_key=True),
    sa.Column("chats", sa.Text, nullable=False),
    sa.Column("first", sa.Date, nullable=False),
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("today", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("force", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("message_limit", sa.Integer),
    sa.Column("strategy", sa.String(16), nullable=False, server_default="batch"),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("run_id", sa.String(64)),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("began_at", sa.Float),
    sa.Column("ended_at", sa.Float),
    sa.Index(
        "ix_batches_in_flight",
        "priority",
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    ),
    sa.Index("ix_batches_run_id", "run_id"),
    sa.Index("ix_batches_asked_at", "asked_at"),
    comment="neighbouring days that one run fetches; what it leaves gets a new batch",
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("batch_id", sa.String(80)),
    sa.Column("host", sa.String(128), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("account", sa.String(32)),
    sa.Column("began_at", sa.Float, nullable=False),
    sa.Column("heartbeat_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("end", sa.String(16)),
    sa.Column("requests", sa.Integer, nullable=False, server_default="0"),
    sa.Column("days_fetched", sa.Integer, nullable=False, server_default="0"),
    sa.Column("days_failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error_type", sa.String(32)),
    sa.Column("error", sa.Text),
    sa.Index(
        "ix_attempts_under_way",
        "heartbeat_at",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    comment="what each run came to, with the heartbeat that tells a dead worker from a slow one",
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.String(36), nullable=False, unique=True),
    sa.Column("request_id", sa.String(80), nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("chat", sa.String(200)),
    sa.Column("date", sa.Date),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Float, nullable=False),
    sa.Column("published_at", sa.Float),
    # When it was found that nobody can be told of it, because its body is damaged.
    sa.Column("set_aside_at", sa.Float),
    # A request tells how a chat and day ended once. Only refusals have no chat or no date: one a request,
    # which their ids see to.
    sa.UniqueConstraint("request_id", "chat", "date"),
    sa.Index(
        "ix_events_pending",
        "seq",
        sqlite_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
    ),
    # Without the pending ones: else SQLite looks them up here, and in the table, too.
    sa.Index(
        "ix_events_published_at",
        "published_at",
        sqlite_where=sa.text("published_at IS NOT NULL"),
        postgresql_where=sa.text("published_at IS NOT NULL"),
    ),
    sa.Index(
        "ix_events_set_aside_at",
        "set_aside_at",
        sqlite_where=sa.text("set_aside_at IS NOT NULL"),
        postgresql_where=sa.text("set_aside_at IS NOT NULL"),
    ),
    comment="the outbox: how each day ended, in the order of telling; kept for a while after it was told",
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("request_id", sa.String(80), nullable=False, unique=True),
    sa.Column("command_id", sa.String(200)),
    sa.Column("chat", sa.String(200)),
    sa.Column("error_type", sa.String(32), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed_at", sa.Float, nullable=False),
    sa.Column("letter", sa.LargeBinary, nullable=False),
    # NULL until the letter also stands in the Redis list, for those who look there.
    sa.Column("mirrored_at", sa.Float),
    # It was retried or dropped, and goes as soon as it has left the Redis list, too.
    sa.Column("removed_at", sa.Float),
    sa.Index("ix_dead_letters_chat", "chat"),
    sa.Index("ix_dead_letters_error_type", "error_type"),
    sa.Index("ix_dead_letters_command_id", "command_id"),
    sa.Index(
        "ix_dead_letters_to_mirror",
        "seq",
        sqlite_where=sa.text("mirrored_at IS NULL"),
        postgresql_where=sa.text("mirrored_at IS NULL"),
    ),
    sa.Index(
        "ix_dead_letters_removed",
        "seq",
        sqlite_where=sa.text("removed_at IS NOT NULL"),
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    ),
    comment="commands that were given up, with the original object",
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("token", sa.String(64), primary_key=True),
    sa.Column("epoch", SEQUENCE, nullable=False),
    sa.Column("claimed_at", sa.Float, nullable=False),
    sa.Index("ix_claims_claimed_at", "claimed_at"),
    comment="handfuls of commands that were taken from Redis and stand in `requests`",
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("user_id", sa.BigInteger),
    sa.Column("quarantine_reason", sa.Text),
    sa.Column("quarantined_at", sa.Float),
    # Method -> until when it rests (seconds since 1970); `*` is the whole account.
    sa.Column("floods", sa.Text, nullable=False, server_default="{}"),
    sa.Column("updated_at", sa.Float, nullable=False),
    comment="what is known of an account beside its session, which stays encrypted in SESSION_DIR",
)

measures = sa.Table(
    "measures",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("metric", sa.String(64), nullable=False),
    # The values of its labels in their order, as a JSON list.
    sa.Column("labels", sa.Text, nullable=False),
    # The bucket of a histogram that the value falls into; 0 for what only adds up.
    sa.Column("bound", sa.Float, nullable=False, server_default="0"),
    # How often it happened, and what that comes to: things of one sort that are written together are one row.
    sa.Column("count", sa.Integer, nullable=False, server_default="1"),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    comment="what happened and stands in no total yet; gone as soon as it does",
)

totals = sa.Table(
    "totals",
    metadata,
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("labels", sa.String(300), primary_key=True),
    sa.Column("bound", sa.Float, primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    comment="what has happened since the ledger was made, added up by metric, labels and bucket",
)
