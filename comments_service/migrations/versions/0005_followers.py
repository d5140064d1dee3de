"""Followers of discussions and their pending notification mail"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("folded", sa.String(length=800), nullable=False),
        sa.Column("seed", sa.String(length=22), nullable=False),
        sa.Column("confirm_hash", sa.String(length=64), nullable=True),
        sa.Column("confirm_until", sa.DateTime(), nullable=True),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_subscription_site_id")),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_subscription_page_id")),
        sa.ForeignKeyConstraint(
            ["comment_id"],
            ["comment.id"],
            name=op.f("fk_subscription_comment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("seed", name=op.f("uq_subscription_seed")),
        sa.UniqueConstraint("confirm_hash", name=op.f("uq_subscription_confirm_hash")),
    )
    op.create_index(op.f("ix_subscription_comment_id"), "subscription", ["comment_id"])
    op.create_index(
        op.f("ix_subscription_page_id_state_folded"),
        "subscription",
        ["page_id", "state", "folded"],
    )
    op.create_index(op.f("ix_subscription_folded"), "subscription", ["folded"])

    op.create_table(
        "news_round",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("reached", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_news_round_site_id")),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_news_round_page_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_round")),
    )
    op.create_index(op.f("ix_news_round_done_at"), "news_round", ["done_at"])
    op.create_index(op.f("ix_news_round_page_id_begun_at"), "news_round", ["page_id", "begun_at"])

    op.create_table(
        "news",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_news_page_id")),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comment.id"], name=op.f("fk_news_comment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["round_id"], ["news_round.id"], name=op.f("fk_news_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news")),
        sa.UniqueConstraint("comment_id", name=op.f("uq_news_comment_id")),
    )
    op.create_index(op.f("ix_news_round_id_page_id"), "news", ["round_id", "page_id"])


def downgrade() -> None:
    op.drop_table("news")
    op.drop_table("news_round")
    op.drop_table("subscription")
