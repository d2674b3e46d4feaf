"""Plans: one operation over many records."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("plan", sa.String, nullable=False),
        sa.Column("system", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("rows", sa.JSON, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("left_out", sa.JSON, nullable=False),
        sa.Column("decided_by", sa.JSON, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant", "plan", name="uq_plans_tenant_plan"),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_table("plans")
