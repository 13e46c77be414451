"""Measures and totals: what the metrics count; when a trouble that lasts was said last; a tick's indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TO_START = "state = 'open' AND batch_id IS NULL"


def upgrade() -> None:
    """Makes the change."""
    op.add_column("requests", sa.Column("planned_at", sa.Float(), nullable=True))
    op.create_table(
        "measures",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("bound", sa.Float(), server_default="0", nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_measures")),
        comment="what happened and stands in no total yet; gone as soon as it does",
    )
    op.create_table(
        "totals",
        sa.Column("metric", sa.String(length=64), nullable=False),
        sa.Column("labels", sa.String(length=300), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("metric", "labels", "bound", name=op.f("pk_totals")),
        comment="what has happened since the ledger was made, added up by metric, labels and bucket",
    )
    op.add_column("days", sa.Column("losses", sa.Integer(), server_default="0", nullable=False))
    op.execute("""UPDATE days SET losses = 1 WHERE coverage LIKE '%"lost":[{%'""")
    _partial_index("ix_days_with_losses", "days", ["chat"], "losses > 0")
    op.add_column("conditions", sa.Column("said_at", sa.Float(), server_default="0", nullable=False))

    op.drop_index("ix_asks_to_start", table_name="asks")
    _partial_index("ix_asks_to_start", "asks", ["chat", "priority", "seq", "date", "wait_until"], TO_START)
    op.drop_index("ix_asks_batch_id", table_name="asks")
    _partial_index("ix_asks_batch_id", "asks", ["batch_id"], "batch_id IS NOT NULL")
    _partial_index("ix_requests_answered", "requests", ["seq"], "state = 'planned' AND open_days <= 0")
    _partial_index("ix_requests_wait_until", "requests", ["wait_until"], "wait_until IS NOT NULL")


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Takes it back."""
    op.drop_index("ix_requests_wait_until", table_name="requests")
    op.drop_index("ix_requests_answered", table_name="requests")
    op.drop_index("ix_asks_batch_id", table_name="asks")
    op.create_index("ix_asks_batch_id", "asks", ["batch_id"])
    op.drop_index("ix_asks_to_start", table_name="asks")
    _partial_index("ix_asks_to_start", "asks", ["priority", "seq", "date"], TO_START)
    op.drop_index("ix_days_with_losses", table_name="days")
    op.drop_column("days", "losses")
    op.drop_column("conditions", "said_at")
    op.drop_table("totals")
    op.drop_table("measures")
    op.drop_column("requests", "planned_at")
