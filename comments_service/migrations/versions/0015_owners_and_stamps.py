"""Normalized mailbox of followers, and a version stamp for rules and bans"""

import secrets
from contextlib import suppress

import idna
import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_subscription = sa.table(
    "subscription",
    sa.column("id", sa.Integer),
    sa.column("email", sa.String),
    sa.column("mailbox", sa.String),
)
_setting = sa.table(
    "setting",
    sa.column("site_id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("stamp", sa.String),
)
_BATCH = 10_000


def upgrade() -> None:
    op.add_column(
        "subscription",
        sa.Column("mailbox", sa.String(length=800), nullable=False, server_default=""),
    )
    op.add_column(
        "setting", sa.Column("stamp", sa.String(length=32), nullable=False, server_default="")
    )
    connection = op.get_bind()
    _fill_mailboxes(connection)
    _fill_stamps(connection)
    op.drop_index(op.f("ix_subscription_page_id_state_folded"), "subscription")
    op.create_index(
        op.f("ix_subscription_page_id_state_mailbox"),
        "subscription",
        ["page_id", "state", "mailbox"],
    )
    op.create_index(op.f("ix_subscription_mailbox"), "subscription", ["mailbox"])


def _fill_mailboxes(connection: sa.Connection) -> None:
    last = -1
    while rows := connection.execute(
        sa.select(_subscription.c.id, _subscription.c.email)
        .where(_subscription.c.id > last)
        .order_by(_subscription.c.id)
        .limit(_BATCH)
    ).all():
        last = rows[-1].id
        connection.execute(
            sa.update(_subscription)
            .where(_subscription.c.id == sa.bindparam("row"))
            .values(mailbox=sa.bindparam("owner")),
            [{"row": row.id, "owner": _owner(row.email)} for row in rows],
        )


def _owner(email: str) -> str:
    local, at, domain = email.strip().rpartition("@")
    plain = domain.lower()
    if not domain.isascii():
        # What fails was never a domain.
        with suppress(idna.IDNAError):
            plain = idna.encode(domain, uts46=True).decode()
    return local.lower() + at + plain


def _fill_stamps(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(_setting.c.site_id, _setting.c.name)).all():
        connection.execute(
            sa.update(_setting)
            .where(_setting.c.site_id == row.site_id, _setting.c.name == row.name)
            .values(stamp=secrets.token_hex(16))
        )


def downgrade() -> None:
    op.drop_index(op.f("ix_subscription_mailbox"), "subscription")
    op.drop_index(op.f("ix_subscription_page_id_state_mailbox"), "subscription")
    op.create_index(
        op.f("ix_subscription_page_id_state_folded"),
        "subscription",
        ["page_id", "state", "folded"],
    )
    op.drop_column("setting", "stamp")
    op.drop_column("subscription", "mailbox")
