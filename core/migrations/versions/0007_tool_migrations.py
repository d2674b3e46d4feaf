"""Declared migrations of tools: from the schema one had to the one it got."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "tool_migrations",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("toolset", sa.String, nullable=False),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("was", sa.String, nullable=False),
        sa.Column("now", sa.String, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "toolset", "was", "now", name="uq_tool_migrations_way"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("tool_migrations")
