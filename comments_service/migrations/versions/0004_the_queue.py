"""Moderation queue: bans, bulk actions, outbox, rules, search index, read-only audit log"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Not in Alembic's batch mode: it copies the table, which would drop rows that refer to it.
    op.create_table(
        "sign_in_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    op.create_index(op.f("ix_sign_in_failure_key_at"), "sign_in_failure", ["key", "at"])

    op.create_table(
        "ban",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column("note", sa.String(length=300), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_ban_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ban")),
    )
    op.create_index(op.f("ix_ban_site_id_kind_value"), "ban", ["site_id", "kind", "value"])

    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("chosen", sa.String(length=500), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["editor_id"], ["editor.id"], name=op.f("fk_batch_editor_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_batch_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_table(
        "mail_link",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.String(length=26), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["editor_id"], ["editor.id"], name=op.f("fk_mail_link_editor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_link")),
    )
    op.create_index(op.f("ix_mail_link_comment"), "mail_link", ["comment"])

    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("cause", sa.String(length=100), nullable=False),
        sa.Column("to_address", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("next_at", sa.DateTime(), nullable=False),
        sa.Column("leased_until", sa.DateTime(), nullable=True),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("problem", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_outbox_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "kind", "cause", "to_address", name=op.f("uq_outbox_kind_cause_to_address")
        ),
    )
    op.create_index(op.f("ix_outbox_state_next_at"), "outbox", ["state", "next_at"])

    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("editor_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["editor_id"],
            ["editor.id"],
            name=op.f("fk_recovery_code_editor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_editor_id"), "recovery_code", ["editor_id"])

    op.create_table(
        "setting",
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_setting_site_id")),
        sa.PrimaryKeyConstraint("site_id", "name", name=op.f("pk_setting")),
    )
    op.create_table(
        "sought",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=254), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sought")),
        sa.UniqueConstraint("text", name=op.f("uq_sought_text")),
    )
    op.create_table(
        "site_tally",
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_tally_site_id")),
        sa.PrimaryKeyConstraint("site_id", "status", name=op.f("pk_site_tally")),
    )
    op.create_table(
        "batch_item",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("comment", sa.String(length=26), nullable=False),
        sa.Column("expected", sa.String(length=16), nullable=True),
        sa.Column("event_seq", sa.Integer(), nullable=True),
        sa.Column("result", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_item_batch_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_item")),
    )
    op.create_index(op.f("ix_batch_item_batch_id_result"), "batch_item", ["batch_id", "result"])

    op.create_table(
        "tally",
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("page_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["page.id"], name=op.f("fk_tally_page_id")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_tally_site_id")),
        sa.PrimaryKeyConstraint("page_id", "status", name=op.f("pk_tally")),
    )
    op.create_index(op.f("ix_tally_site_id_status"), "tally", ["site_id", "status"])

    op.create_table(
        "held",
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("comment_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comment.id"], name=op.f("fk_held_comment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reason", "comment_id", name=op.f("pk_held")),
    )
    op.create_index(op.f("ix_held_comment_id"), "held", ["comment_id"])

    op.add_column(
        "comment", sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "comment", sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("comment", sa.Column("editor_id", sa.Integer(), nullable=True))
    op.add_column(
        "comment", sa.Column("pinned", sa.Boolean(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "comment", sa.Column("locked", sa.Boolean(), server_default=sa.text("0"), nullable=False)
    )
    op.drop_index(op.f("ix_comment_page_id_status"), "comment")
    op.create_index(
        op.f("ix_comment_page_id_status_submitted_at_id"),
        "comment",
        ["page_id", "status", "submitted_at", "id"],
    )
    op.create_index(
        op.f("ix_comment_site_id_submitted_at_id"), "comment", ["site_id", "submitted_at", "id"]
    )

    op.add_column("contact", sa.Column("verified_at", sa.DateTime(), nullable=True))
    op.add_column("contact", sa.Column("network", sa.String(length=50), nullable=True))
    op.create_index(op.f("ix_contact_network"), "contact", ["network"])

    op.add_column(
        "editor",
        sa.Column("role", sa.String(length=16), server_default=sa.text("'admin'"), nullable=False),
    )
    op.add_column("editor", sa.Column("totp_secret", sa.String(length=64), nullable=True))
    op.add_column("editor", sa.Column("totp_step", sa.Integer(), nullable=True))
    op.add_column(
        "editor", sa.Column("shortcuts", sa.Boolean(), server_default=sa.text("1"), nullable=False)
    )
    op.add_column(
        "editor",
        sa.Column("mail", sa.String(length=16), server_default=sa.text("'none'"), nullable=False),
    )
    op.add_column("editor", sa.Column("digest_at", sa.DateTime(), nullable=True))

    op.add_column("event", sa.Column("batch_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_event_batch_id_seq"), "event", ["batch_id", "seq"])
    op.create_index(op.f("ix_event_page_seq"), "event", ["page", "seq"])
    op.create_index(op.f("ix_event_site_id_action_seq"), "event", ["site_id", "action", "seq"])
    op.create_index(
        op.f("ix_event_site_id_editor_id_seq"), "event", ["site_id", "editor_id", "seq"]
    )

    op.add_column("page", sa.Column("published_at", sa.DateTime(), nullable=True))
    op.add_column("page", sa.Column("opened", sa.Boolean(), nullable=True))
    op.add_column(
        "page",
        sa.Column("written_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "page",
        sa.Column("live_revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("page", sa.Column("reported_at", sa.DateTime(), nullable=True))
    op.add_column("page", sa.Column("stalled", sa.String(length=1000), nullable=True))

    op.add_column(
        "session",
        sa.Column("browser", sa.String(length=200), server_default=sa.text("''"), nullable=False),
    )

    op.add_column("sign_in_link", sa.Column("email", sa.String(length=254), nullable=True))
    op.add_column("sign_in_link", sa.Column("role", sa.String(length=16), nullable=True))

    _count(op.get_bind())
    _list_reasons(op.get_bind())
    _give_revisions(op.get_bind())
    _make_searchable(op.get_bind())
    _keep_the_log(op.get_bind())


def _count(connection: sa.Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO tally (site_id, page_id, status, count)"
            " SELECT site_id, page_id, status, count(*) FROM comment"
            " GROUP BY site_id, page_id, status"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO site_tally (site_id, status, count)"
            " SELECT site_id, status, sum(count) FROM tally GROUP BY site_id, status"
        )
    )


def _list_reasons(connection: sa.Connection) -> None:
    comment = sa.table("comment", sa.column("id"), sa.column("reasons", sa.JSON()))
    held = sa.table("held", sa.column("reason"), sa.column("comment_id"))
    rows = [
        {"reason": reason, "comment_id": row.id}
        for row in connection.execute(sa.select(comment))
        for reason in dict.fromkeys(row.reasons)
        if reason != "all"
    ]
    if rows:
        connection.execute(sa.insert(held), rows)


def _give_revisions(connection: sa.Connection) -> None:
    """Use the discussion's revision: no reply in it became public later than that."""
    connection.execute(
        sa.text(
            "UPDATE comment SET revision = (SELECT revision FROM page WHERE page.id = page_id)"
            " WHERE status = 'approved'"
        )
    )


# A copy of the tokenizer of that time: a migration must not change when the live code does.
_ALONE = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u31f0-\u31ff"  # kana, radicals
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
    "]"
)


def _searchable(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _ALONE.sub(r" \g<0> ", folded)


def _make_searchable(connection: sa.Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    # A contentless index: the texts are in `comment` already.
    connection.execute(
        sa.text(
            "CREATE VIRTUAL TABLE comment_search USING fts5"
            "(text, name, content='', tokenize='unicode61 remove_diacritics 2')"
        )
    )
    comment = sa.table("comment", *map(sa.column, ("id", "text", "author_name")))
    rows = [
        {"id": row.id, "text": _searchable(row.text), "name": _searchable(row.author_name)}
        for row in connection.execute(sa.select(comment))
    ]
    if rows:
        connection.execute(
            sa.text("INSERT INTO comment_search (rowid, text, name) VALUES (:id, :text, :name)"),
            rows,
        )


def _keep_the_log(connection: sa.Connection) -> None:
    """Make the audit log append-only by triggers, so that no bug in the code can change it.

    One update is allowed: clearing `before` and `after` of events about an erased reply.
    """
    if connection.dialect.name != "sqlite":
        return
    connection.execute(
        sa.text(
            "CREATE TRIGGER event_no_update BEFORE UPDATE ON event WHEN NOT ("
            " NEW.id IS OLD.id AND NEW.site_id IS OLD.site_id AND NEW.seq IS OLD.seq"
            " AND NEW.at IS OLD.at AND NEW.editor_id IS OLD.editor_id"
            " AND NEW.actor IS OLD.actor AND NEW.action IS OLD.action"
            " AND NEW.comment IS OLD.comment AND NEW.page IS OLD.page"
            " AND NEW.undoes IS OLD.undoes AND NEW.batch_id IS OLD.batch_id"
            " AND NEW.before IS NULL AND NEW.after IS NULL AND EXISTS"
            " (SELECT 1 FROM event AS erased"
            " WHERE erased.comment = OLD.comment AND erased.action = 'erase'))"
            " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    )
    connection.execute(
        sa.text(
            "CREATE TRIGGER event_no_delete BEFORE DELETE ON event"
            " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER event_no_update")
        op.execute("DROP TRIGGER event_no_delete")
        op.execute("DROP TABLE comment_search")
    op.drop_column("sign_in_link", "role")
    op.drop_column("sign_in_link", "email")

    op.drop_column("session", "browser")

    op.drop_column("page", "stalled")
    op.drop_column("page", "reported_at")
    op.drop_column("page", "live_revision")
    op.drop_column("page", "written_revision")
    op.drop_column("page", "opened")
    op.drop_column("page", "published_at")

    op.drop_index(op.f("ix_event_site_id_editor_id_seq"), "event")
    op.drop_index(op.f("ix_event_site_id_action_seq"), "event")
    op.drop_index(op.f("ix_event_page_seq"), "event")
    op.drop_index(op.f("ix_event_batch_id_seq"), "event")
    op.drop_column("event", "batch_id")

    op.drop_column("editor", "digest_at")
    op.drop_column("editor", "mail")
    op.drop_column("editor", "shortcuts")
    op.drop_column("editor", "totp_step")
    op.drop_column("editor", "totp_secret")
    op.drop_column("editor", "role")

    op.drop_index(op.f("ix_contact_network"), "contact")
    op.drop_column("contact", "network")
    op.drop_column("contact", "verified_at")

    op.drop_index(op.f("ix_comment_site_id_submitted_at_id"), "comment")
    op.drop_index(op.f("ix_comment_page_id_status_submitted_at_id"), "comment")
    op.create_index(op.f("ix_comment_page_id_status"), "comment", ["page_id", "status"])
    op.drop_column("comment", "locked")
    op.drop_column("comment", "pinned")
    op.drop_column("comment", "editor_id")
    op.drop_column("comment", "version")
    op.drop_column("comment", "revision")

    op.drop_table("held")

    op.drop_table("tally")

    op.drop_table("batch_item")
    op.drop_table("site_tally")
    op.drop_table("sought")
    op.drop_table("setting")

    op.drop_table("recovery_code")

    op.drop_table("outbox")

    op.drop_table("mail_link")
    op.drop_table("batch")

    op.drop_table("ban")

    op.drop_table("sign_in_failure")
