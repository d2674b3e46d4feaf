"""Proposals for golden sets."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "golden_proposals",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("toolset", sa.String, nullable=False),
        sa.Column("proposal", sa.String, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "toolset", "proposal", name="uq_golden_proposals_proposal"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("golden_proposals")
