"""Measures and totals: what the metrics count; when a trouble that lasts was said last."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


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
    op.create_index(
        "ix_days_with_losses",
        "days",
        ["chat"],
        sqlite_where=sa.text("instr(coverage, '\"lost\":[{') > 0"),
        postgresql_where=sa.text("strpos(coverage, '\"lost\":[{') > 0"),
    )
    op.add_column("conditions", sa.Column("said_at", sa.Float(), server_default="0", nullable=False))


def downgrade() -> None:
    """Takes it back."""
    op.drop_index("ix_days_with_losses", "days")
    op.drop_column("conditions", "said_at")
    op.drop_table("totals")
    op.drop_table("measures")
    op.drop_column("requests", "planned_at")
