"""What a write was asked for in words."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of the writes there are nobody knows the words."""
    op.add_column("ledger", sa.Column("said", sa.String, nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("ledger", "said")
