"""The audit sample: turns judged anew."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "audit_sample",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("toolset", sa.String, nullable=False),
        sa.Column("trace", sa.String, nullable=False),
        sa.Column("right", sa.Boolean, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "trace", name="uq_audit_sample_trace"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("audit_sample")
