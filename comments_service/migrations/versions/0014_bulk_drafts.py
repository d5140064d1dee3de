"""Bulk drafts: the replies selected for a bulk action until the editor confirms it"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=26), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("chosen", sa.String(length=500), nullable=False),
        sa.Column("counted_at", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_bulk_draft_site_id")),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_bulk_draft_editor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_draft")),
        sa.UniqueConstraint("token", name=op.f("uq_bulk_draft_token")),
    )
    op.create_table(
        "bulk_draft_item",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(length=26), nullable=False),
        sa.Column("expected", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"],
            ["bulk_draft.id"],
            name=op.f("fk_bulk_draft_item_draft_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("draft_id", "comment", name=op.f("pk_bulk_draft_item")),
    )


def downgrade() -> None:
    op.drop_table("bulk_draft_item")
    op.drop_table("bulk_draft")
