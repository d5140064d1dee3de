"""The tables. Types are portable between SQLite and PostgreSQL; times are UTC; states are words."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    func,
    text,
)


class Status(StrEnum):
    """Where a reply stands."""

    PENDING = "pending"
    APPROVED = "approved"
    SPAM = "spam"
    TRASH = "trash"


class Origin(StrEnum):
    """How a reply came in."""

    FORM = "form"
    DEMO = "demo"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime in Python, a naive UTC one in the database (SQLite knows no zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: nobody could tell which zone it meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

site = Table(
    "site",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(100), nullable=False, unique=True),
    # Names this database, so that a follower notices a restore or a replacement.
    Column("epoch", String(32), nullable=False),
    # The last number of the commit-ordered sequence. The row is locked until commit, so that no
    # later number can become visible before an earlier one.
    Column("seq", Integer, nullable=False, default=0),
)

page = Table(
    "page",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("key", String(200), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("title", String(1000), nullable=False),
    Column("question", String(1000), nullable=False, default=""),
    Column("open", Boolean, nullable=False),
    # False once a build no longer lists the page: its replies stay, new ones are refused.
    Column("registered", Boolean, nullable=False),
    # The sequence number of the last public change of its discussion; 0: never had one.
    Column("revision", Integer, nullable=False, default=0),
    # The last slot given to one of its top-level replies; counted here, so that none comes twice.
    Column("slots", Integer, nullable=False, default=0, server_default=text("0")),
    # How the site divides long discussions; null: everything stands at `url`.
    Column("page_size", Integer, nullable=True),
    Column("replies_url", String(2000), nullable=True),
    UniqueConstraint("site_id", "key"),
    Index(None, "site_id", "revision"),
)

comment = Table(
    "comment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    Column("parent_id", ForeignKey("comment.id"), nullable=True, index=True),
    Column("status", String(16), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("author_url", String(1000), nullable=True),
    Column("by_editor", Boolean, nullable=False, server_default=false()),
    # What the author typed; the html is derived from it once, by the pipeline of that version.
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("markup_version", Integer, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("submitted_at", UTCDateTime, nullable=False),
    Column("edited_at", UTCDateTime, nullable=True),
    # A top-level reply's permanent place in its discussion, from its first approval on.
    Column("slot", Integer, nullable=True),
    Index(None, "site_id", "status", "submitted_at", "id"),
    Index(None, "page_id", "status"),
)

# Private data has its own table: what goes public is read from `comment` alone.
contact = Table(
    "contact",
    metadata,
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), primary_key=True),
    Column("email", String(254), nullable=False),
    # Keyed hash of (page, parent, name, email, text): tells a resend from a new reply.
    Column("fingerprint", String(64), nullable=False, index=True),
)

Index("ix_contact_email_lower", func.lower(contact.c.email))

editor = Table(
    "editor",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("disabled_at", UTCDateTime, nullable=True),
)

# Tokens are kept as SHA-256: whoever reads the database cannot sign in with what is there.
session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # Null: the link creates an editor instead of signing one in.
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UTCDateTime, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    # Null: the author, or the command line; `actor` says which in words.
    Column("editor_id", ForeignKey("editor.id"), nullable=True),
    Column("actor", String(100), nullable=False),
    Column("action", String(32), nullable=False),
    # Public ids and keys instead of foreign keys: the log outlives what it tells of.
    Column("comment", String(26), nullable=True),
    Column("page", String(200), nullable=True),
    Column("before", JSON, nullable=True),
    Column("after", JSON, nullable=True),
    Column("undoes", Integer, nullable=True),
    UniqueConstraint("site_id", "seq"),
    Index(None, "comment", "seq"),
    Index(None, "site_id", "undoes"),
)
