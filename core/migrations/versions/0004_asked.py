"""Questions that were answered well, and by which words of which page."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "asked",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False, index=True),
        sa.Column("subject_key", sa.String, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("document", sa.String, nullable=False),
        sa.Column("quote", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("encoder", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "question", "document", "quote", name="uq_asked_tenant_question_place"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("asked")
