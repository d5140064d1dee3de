"""Author requests (`wish`) and decline reasons (`told`) of replies"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not by batches: copying a table would drop what others refer to.
    op.add_column("comment", sa.Column("wish", sa.JSON(), nullable=True))
    op.add_column("comment", sa.Column("told", sa.String(length=500), nullable=True))


def downgrade() -> None:
    op.drop_column("comment", "told")
    op.drop_column("comment", "wish")
