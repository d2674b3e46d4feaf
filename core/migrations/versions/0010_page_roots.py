"""The folder a page was read from."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of the pages there are nobody knows it."""
    op.add_column("document", sa.Column("root", sa.String, nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("document", "root")
