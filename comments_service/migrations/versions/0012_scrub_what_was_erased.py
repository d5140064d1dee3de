"""Pending scrubs: erased text that the database's indexes and WAL still contain"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    scrub = op.create_table(
        "scrub",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scrub")),
    )
    # What was erased before has left its words in the index.
    erased = op.get_bind().execute(sa.text("SELECT 1 FROM event WHERE action = 'erase' LIMIT 1"))
    if erased.first() is not None:
        op.bulk_insert(scrub, [{"id": 1}])


def downgrade() -> None:
    op.drop_table("scrub")
