"""The write path: who carries a write out, what waits for a person, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and the table."""
    with op.batch_alter_table("ledger") as ledger:
        ledger.add_column(sa.Column("system", sa.String, nullable=False, server_default="sandbox"))
        ledger.add_column(sa.Column("audited", sa.Boolean, nullable=False, server_default=sa.false()))
        ledger.add_column(sa.Column("owner", sa.String, nullable=True))
        ledger.add_column(sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True))
        ledger.add_column(sa.Column("approval", sa.String, nullable=True))
        ledger.create_unique_constraint("uq_ledger_tenant_approval", ["tenant", "approval"])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("tenant", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("person", sa.String, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("tool", sa.String, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("shown", sa.JSON, nullable=False),
        sa.Column("four_eyes", sa.Boolean, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("decided_by", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("tenant", "request", name="uq_approvals_tenant_request"),
    )
    op.create_table(
        "audit",
        sa.Column("tenant", sa.String, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False, index=True),
        sa.Column("subject_key", sa.String, nullable=False, index=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("mac", sa.String, nullable=False),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("audit")
    op.drop_table("approvals")
    with op.batch_alter_table("ledger") as ledger:
        ledger.drop_constraint("uq_ledger_tenant_approval", type_="unique")
        for column in ("approval", "lease_until", "owner", "audited", "system"):
            ledger.drop_column(column)
