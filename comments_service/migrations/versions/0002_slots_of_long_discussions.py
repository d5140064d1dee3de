"""Positions (slots) of threads, for the pages of long discussions"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not by batches: copying a table would drop what others refer to.
    op.add_column("comment", sa.Column("slot", sa.Integer(), nullable=True))
    op.add_column("page", sa.Column("slots", sa.Integer(), server_default="0", nullable=False))
    op.add_column("page", sa.Column("page_size", sa.Integer(), nullable=True))
    op.add_column("page", sa.Column("replies_url", sa.String(length=2000), nullable=True))
    _give_slots(op.get_bind())


def _give_slots(connection: sa.Connection) -> None:
    """To every top-level reply that was ever approved, in the order of the first approvals."""
    comment = sa.table(
        "comment",
        *map(sa.column, ("id", "public_id", "page_id", "parent_id", "status", "slot")),
    )
    page = sa.table("page", *map(sa.column, ("id", "slots")))
    event = sa.table("event", sa.column("seq"), sa.column("comment"), sa.column("after", sa.JSON()))
    approved: dict[str, int] = {}
    for row in connection.execute(sa.select(event).order_by(event.c.seq)):
        if (row.after or {}).get("status") == "approved":
            approved.setdefault(row.comment, row.seq)
    tops = connection.execute(sa.select(comment).where(comment.c.parent_id.is_(None)))
    placed = sorted(
        (approved.get(row.public_id, 0), row.id, row.page_id)
        for row in tops
        if row.public_id in approved or row.status == "approved"
    )
    slots: dict[int, int] = {}
    for _, comment_id, page_id in placed:
        slots[page_id] = slots.get(page_id, 0) + 1
        connection.execute(
            sa.update(comment).where(comment.c.id == comment_id).values(slot=slots[page_id])
        )
    for page_id, count in slots.items():
        connection.execute(sa.update(page).where(page.c.id == page_id).values(slots=count))


def downgrade() -> None:
    op.drop_column("page", "replies_url")
    op.drop_column("page", "page_size")
    op.drop_column("page", "slots")
    op.drop_column("comment", "slot")
