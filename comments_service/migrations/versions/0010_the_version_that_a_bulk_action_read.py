"""The version that each reply had when its bulk action was decided"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch_item", sa.Column("version", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("batch_item", "version")
