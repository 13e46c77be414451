"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the change."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("quarantine_reason", sa.Text(), nullable=True),
        sa.Column("quarantined_at", sa.Float(), nullable=True),
        sa.Column("floods", sa.Text(), server_default="{}", nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_accounts")),
        comment="what is known of an account beside its session, which stays encrypted in SESSION_DIR",
    )
    op.create_table(
        "asks",
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("chat", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("force", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("message_limit", sa.Integer(), nullable=True),
        sa.Column("strategy", sa.String(length=16), server_default="batch", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="open", nullable=False),
        sa.Column("batch_id", sa.String(length=80), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("waits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wait_until", sa.Float(), server_default="0", nullable=False),
        sa.Column("error_type", sa.String(length=32), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("event_id", sa.String(length=36), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "chat", "date", name=op.f("pk_asks")),
        comment="one day of one chat that a request asked for, until it has ended",
    )
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.create_index("ix_asks_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_asks_ended_at", ["ended_at"], unique=False)
        batch_op.create_index(
            "ix_asks_open",
            ["chat", "date"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_asks_to_start",
            ["priority", "seq", "date"],
            unique=False,
            sqlite_where=sa.text("state = 'open' AND batch_id IS NULL"),
            postgresql_where=sa.text("state = 'open' AND batch_id IS NULL"),
        )

    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("batch_id", sa.String(length=80), nullable=True),
        sa.Column("host", sa.String(length=128), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=32), nullable=True),
        sa.Column("began_at", sa.Float(), nullable=False),
        sa.Column("heartbeat_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("end", sa.String(length=16), nullable=True),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("days_fetched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("days_failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error_type", sa.String(length=32), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_attempts")),
        comment="what each run came to, with the heartbeat that tells a dead worker from a slow one",
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(
            "ix_attempts_under_way",
            ["heartbeat_at"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(length=80), nullable=False),
        sa.Column("chats", sa.Text(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("today", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("force", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("message_limit", sa.Integer(), nullable=True),
        sa.Column("strategy", sa.String(length=16), server_default="batch", nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("began_at", sa.Float(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_batches")),
        comment="neighbouring days that one run fetches; what it leaves gets a new batch",
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batches_in_flight",
            ["priority"],
            unique=False,
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        )
        batch_op.create_index("ix_batches_run_id", ["run_id"], unique=False)
        batch_op.create_index("ix_batches_asked_at", ["asked_at"], unique=False)

    op.create_table(
        "chats",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("marked_id", sa.BigInteger(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("forgotten_at", sa.Float(), nullable=True),
        sa.Column("refused_type", sa.String(length=32), nullable=True),
        sa.Column("refused_why", sa.Text(), nullable=True),
        sa.Column("refused_since", sa.Float(), nullable=True),
        sa.Column("ask_again_at", sa.Float(), nullable=True),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_chats")),
        comment="who a chat is (the model ChatIdentity) and whether it can be read",
    )
    with op.batch_alter_table("chats", schema=None) as batch_op:
        batch_op.create_index(
            "uq_chats_marked_id",
            ["marked_id"],
            unique=True,
            sqlite_where=sa.text("forgotten_at IS NULL"),
            postgresql_where=sa.text("forgotten_at IS NULL"),
        )

    op.create_table(
        "claims",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("epoch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("claimed_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_claims")),
        comment="handfuls of commands that were taken from Redis and stand in `requests`",
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index("ix_claims_claimed_at", ["claimed_at"], unique=False)

    op.create_table(
        "conditions",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_conditions")),
        comment="troubles that last and are waited for; a row is there while it lasts",
    )
    op.create_table(
        "days",
        sa.Column("chat", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("coverage", sa.Text(), nullable=True),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("proved", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("checksum_sha256", sa.String(length=64), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=True),
        sa.Column("fetched_at", sa.Float(), nullable=True),
        sa.Column("requests", sa.Integer(), nullable=True),
        sa.Column("due_at", sa.Float(), nullable=True),
        sa.Column("failed_rounds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("given_up_at", sa.Float(), nullable=True),
        sa.Column("error_type", sa.String(length=32), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("chat", "date", name=op.f("pk_days")),
        comment="what is proved of each chat and day (the model Coverage), and days that failed",
    )
    with op.batch_alter_table("days", schema=None) as batch_op:
        batch_op.create_index("ix_days_chat_settled", ["chat", "settled", "date"], unique=False)
        batch_op.create_index(
            "ix_days_counts", ["chat", "date", "fetched_at", "settled", "message_count"], unique=False
        )
        batch_op.create_index(
            "ix_days_due_at",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_days_given_up_at",
            ["given_up_at"],
            unique=False,
            sqlite_where=sa.text("given_up_at IS NOT NULL"),
            postgresql_where=sa.text("given_up_at IS NOT NULL"),
        )

    op.create_table(
        "dead_letters",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("command_id", sa.String(length=200), nullable=True),
        sa.Column("chat", sa.String(length=200), nullable=True),
        sa.Column("error_type", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_at", sa.Float(), nullable=False),
        sa.Column("letter", sa.LargeBinary(), nullable=False),
        sa.Column("mirrored_at", sa.Float(), nullable=True),
        sa.Column("removed_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("request_id", name=op.f("uq_dead_letters_request_id")),
        comment="commands that were given up, with the original object",
    )
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.create_index("ix_dead_letters_chat", ["chat"], unique=False)
        batch_op.create_index("ix_dead_letters_command_id", ["command_id"], unique=False)
        batch_op.create_index("ix_dead_letters_error_type", ["error_type"], unique=False)
        batch_op.create_index(
            "ix_dead_letters_to_mirror",
            ["seq"],
            unique=False,
            sqlite_where=sa.text("mirrored_at IS NULL"),
            postgresql_where=sa.text("mirrored_at IS NULL"),
        )
        batch_op.create_index(
            "ix_dead_letters_removed",
            ["seq"],
            unique=False,
            sqlite_where=sa.text("removed_at IS NOT NULL"),
            postgresql_where=sa.text("removed_at IS NOT NULL"),
        )

    op.create_table(
        "events",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("chat", sa.String(length=200), nullable=True),
        sa.Column("date", sa.Date(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.Float(), nullable=False),
        sa.Column("published_at", sa.Float(), nullable=True),
        sa.Column("set_aside_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("event_id", name=op.f("uq_events_event_id")),
        sa.UniqueConstraint("request_id", "chat", "date", name=op.f("uq_events_request_id_chat_date")),
        comment="the outbox: how each day ended, in the order of telling; kept for a while after it was told",
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_events_pending",
            ["seq"],
            unique=False,
            sqlite_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
            postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
        )
        batch_op.create_index(
            "ix_events_set_aside_at",
            ["set_aside_at"],
            unique=False,
            sqlite_where=sa.text("set_aside_at IS NOT NULL"),
            postgresql_where=sa.text("set_aside_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_events_published_at",
            ["published_at"],
            unique=False,
            sqlite_where=sa.text("published_at IS NOT NULL"),
            postgresql_where=sa.text("published_at IS NOT NULL"),
        )

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
        comment="single values: the epoch, cursors, when something was last done",
    )
    op.create_table(
        "intents",
        sa.Column("chat", sa.String(length=64), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("intent_id", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("began_at", sa.Float(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("chat", "date", name=op.f("pk_intents")),
        comment="a day whose sealed files are being renamed into their places; gone with the day's commit",
    )
    op.create_table(
        "requests",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("request_id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("raw_sha256", sa.String(length=64), nullable=True),
        sa.Column("command_id", sa.String(length=200), nullable=True),
        sa.Column("correlation_id", sa.String(length=200), nullable=False),
        sa.Column("spelling", sa.String(length=200), nullable=True),
        sa.Column("chat", sa.String(length=64), nullable=True),
        sa.Column("force", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("message_limit", sa.Integer(), nullable=True),
        sa.Column("strategy", sa.String(length=16), server_default="batch", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="50", nullable=False),
        sa.Column("requested_by", sa.String(length=200), server_default="unknown", nullable=False),
        sa.Column("requested_at", sa.Float(), nullable=True),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("wait_until", sa.Float(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed_days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error_type", sa.String(length=32), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_requests")),
        sa.UniqueConstraint("request_id", name=op.f("uq_requests_request_id")),
        comment="every ask, whoever asks: redis, spool, cli, schedule, heal, ui, direct",
    )
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.create_index("ix_requests_command_id", ["command_id"], unique=False)
        batch_op.create_index("ix_requests_raw_sha256", ["raw_sha256"], unique=False)
        batch_op.create_index("ix_requests_received_at", ["received_at"], unique=False)
        batch_op.create_index("ix_requests_state", ["state", "seq"], unique=False)

    op.create_table(
        "unresolved",
        sa.Column("spelling", sa.String(length=128), nullable=False),
        sa.Column("error_type", sa.String(length=32), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("retry_after", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("spelling", name=op.f("pk_unresolved")),
        comment="spellings that led to no chat: nobody asks again for the same request",
    )


def downgrade() -> None:
    """Takes it back."""
    op.drop_table("unresolved")
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.drop_index("ix_requests_state")
        batch_op.drop_index("ix_requests_received_at")
        batch_op.drop_index("ix_requests_raw_sha256")
        batch_op.drop_index("ix_requests_command_id")

    op.drop_table("requests")
    op.drop_table("intents")
    op.drop_table("facts")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_events_set_aside_at",
            sqlite_where=sa.text("set_aside_at IS NOT NULL"),
            postgresql_where=sa.text("set_aside_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_events_published_at",
            sqlite_where=sa.text("published_at IS NOT NULL"),
            postgresql_where=sa.text("published_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_events_pending",
            sqlite_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
            postgresql_where=sa.text("published_at IS NULL AND set_aside_at IS NULL"),
        )

    op.drop_table("events")
    with op.batch_alter_table("dead_letters", schema=None) as batch_op:
        batch_op.drop_index("ix_dead_letters_removed")
        batch_op.drop_index("ix_dead_letters_to_mirror")
        batch_op.drop_index("ix_dead_letters_error_type")
        batch_op.drop_index("ix_dead_letters_command_id")
        batch_op.drop_index("ix_dead_letters_chat")

    op.drop_table("dead_letters")
    with op.batch_alter_table("days", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_days_given_up_at",
            sqlite_where=sa.text("given_up_at IS NOT NULL"),
            postgresql_where=sa.text("given_up_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_days_due_at",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_days_counts")
        batch_op.drop_index("ix_days_chat_settled")

    op.drop_table("days")
    op.drop_table("conditions")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index("ix_claims_claimed_at")

    op.drop_table("claims")
    with op.batch_alter_table("chats", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_chats_marked_id",
            sqlite_where=sa.text("forgotten_at IS NULL"),
            postgresql_where=sa.text("forgotten_at IS NULL"),
        )

    op.drop_table("chats")
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.drop_index("ix_batches_asked_at")
        batch_op.drop_index("ix_batches_run_id")
        batch_op.drop_index(
            "ix_batches_in_flight",
            sqlite_where=sa.text("state <> 'ended'"),
            postgresql_where=sa.text("state <> 'ended'"),
        )

    op.drop_table("batches")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_attempts_under_way",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("attempts")
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_asks_to_start",
            sqlite_where=sa.text("state = 'open' AND batch_id IS NULL"),
            postgresql_where=sa.text("state = 'open' AND batch_id IS NULL"),
        )
        batch_op.drop_index(
            "ix_asks_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.drop_index("ix_asks_ended_at")
        batch_op.drop_index("ix_asks_batch_id")

    op.drop_table("asks")
    op.drop_table("accounts")
