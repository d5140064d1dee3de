"""Case-folded email addresses, for look-ups in any script"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_contact = sa.table(
    "contact",
    sa.column("comment_id", sa.Integer),
    sa.column("email", sa.String),
    sa.column("folded", sa.String),
)
_BATCH = 10_000


def upgrade() -> None:
    op.add_column(
        "contact", sa.Column("folded", sa.String(length=800), nullable=False, server_default="")
    )
    connection = op.get_bind()
    plain = sa.func.lower(sa.func.trim(_contact.c.email))
    connection.execute(sa.update(_contact).values(folded=plain))
    # Databases differ in what else they fold: the few with other letters are folded here.
    last = -1
    while rows := connection.execute(
        sa.select(_contact.c.comment_id, _contact.c.email)
        .where(_contact.c.comment_id > last)
        .order_by(_contact.c.comment_id)
        .limit(_BATCH)
    ).all():
        last = rows[-1].comment_id
        others = [
            {"row": row.comment_id, "as_compared": row.email.strip().casefold()}
            for row in rows
            if not row.email.isascii()
        ]
        if others:
            connection.execute(
                sa.update(_contact)
                .where(_contact.c.comment_id == sa.bindparam("row"))
                .values(folded=sa.bindparam("as_compared")),
                others,
            )
    op.create_index(op.f("ix_contact_folded"), "contact", ["folded"])
    op.drop_index("ix_contact_email_lower", "contact")


def downgrade() -> None:
    op.create_index("ix_contact_email_lower", "contact", [sa.text("lower(email)")])
    op.drop_index(op.f("ix_contact_folded"), "contact")
    op.drop_column("contact", "folded")
