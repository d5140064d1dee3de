"""Index to find replies whose HTML was rendered by an older markup version"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_comment_markup_version_id"), "comment", ["markup_version", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_comment_markup_version_id"), "comment")
