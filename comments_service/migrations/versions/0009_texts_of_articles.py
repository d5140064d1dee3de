"""Texts of articles and their full-text index, for the readers' search"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article_text",
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("head", sa.String(length=2001), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_article_text_page_id")),
        sa.PrimaryKeyConstraint("page_id", name=op.f("pk_article_text")),
    )
    if op.get_bind().dialect.name == "sqlite":
        # Without contents: the texts stand in `article_text` already.
        op.execute(
            "CREATE VIRTUAL TABLE article_search USING fts5"
            "(head, text, content='', tokenize='unicode61 remove_diacritics 2')"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE article_search")
    op.drop_table("article_text")
