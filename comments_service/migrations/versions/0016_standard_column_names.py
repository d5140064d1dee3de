"""Standard names of columns and tables: decline_reason, author_request, position, ..."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = [
    ("comment", "told", "decline_reason"),
    ("comment", "wish", "author_request"),
    ("comment", "slot", "position"),
    ("page", "slots", "positions"),
]
# The index or constraint of each has the table's name in its own.
HELD = ("held", "hold_reason")
SOUGHT = ("sought", "email_search")
FIELDS = {"told": "decline_reason", "wish": "author_request"}


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    _rename_hold_reasons(*HELD)
    op.execute("UPDATE hold_reason SET reason = 'author_request' WHERE reason = 'wish'")
    _copy_email_searches(*SOUGHT)
    _rename_fields_of_events(FIELDS)


def downgrade() -> None:
    _rename_fields_of_events({new: old for old, new in FIELDS.items()})
    op.execute("UPDATE hold_reason SET reason = 'wish' WHERE reason = 'author_request'")
    _rename_hold_reasons(*reversed(HELD))
    _copy_email_searches(*reversed(SOUGHT))
    for table, old, new in COLUMNS:
        op.alter_column(table, new, new_column_name=old)


def _rename_hold_reasons(old: str, new: str) -> None:
    op.drop_index(f"ix_{old}_comment_id", old)
    op.rename_table(old, new)
    op.create_index(f"ix_{new}_comment_id", new, ["comment_id"])


def _copy_email_searches(old: str, new: str) -> None:
    """Make the table anew: SQLite cannot rename its constraint."""
    op.create_table(
        new,
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("text", sa.String(254), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{new}")),
        sa.UniqueConstraint("text", name=op.f(f"uq_{new}_text")),
    )
    # The names are this file's own.
    op.execute(f"INSERT INTO {new} (id, text) SELECT id, text FROM {old}")  # noqa: S608
    op.drop_table(old)


def _rename_fields_of_events(names: dict[str, str]) -> None:
    """Rename keys of the events' `before` and `after`; the log's trigger is off meanwhile."""
    connection = op.get_bind()
    trigger = None
    if connection.dialect.name == "sqlite":
        trigger = connection.execute(
            sa.text("SELECT sql FROM sqlite_master WHERE name = 'event_no_update'")
        ).scalar()
        op.execute("DROP TRIGGER IF EXISTS event_no_update")
    event = sa.table("event", sa.column("id"), sa.column("before"), sa.column("after"))
    texts = [sa.cast(event.c[name], sa.Text) for name in ("before", "after")]
    affected = sa.or_(*(text.contains(f'"{old}"') for text in texts for old in names))
    for row in connection.execute(sa.select(event.c.id, *texts).where(affected)).all():
        before, after = (_renamed(text, names) for text in row[1:])
        connection.execute(
            sa.text("UPDATE event SET before = :before, after = :after WHERE id = :id"),
            {"before": before, "after": after, "id": row.id},
        )
    if trigger:
        op.execute(sa.text(trigger.replace(":", "\\:")))


def _renamed(text: str | None, names: dict[str, str]) -> str | None:
    value = json.loads(text) if text else None
    if not isinstance(value, dict):
        return text
    return json.dumps({names.get(key, key): item for key, item in value.items()})
