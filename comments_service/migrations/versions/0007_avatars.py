"""Avatar numbers of replies"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Replies of before have none: a number would change pages whose revision stays the same.
    op.add_column("comment", sa.Column("avatar", sa.Integer(), nullable=True))
    op.create_index(
        "ix_comment_page_id_author_name_by_editor_avatar",
        "comment",
        ["page_id", "author_name", "by_editor", "avatar"],
    )


def downgrade() -> None:
    op.drop_index("ix_comment_page_id_author_name_by_editor_avatar", "comment")
    op.drop_column("comment", "avatar")
