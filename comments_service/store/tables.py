"""Table definitions of the database.

Types are portable between SQLite and PostgreSQL, times are UTC, and statuses are stored as text.
"""

from datetime import UTC, datetime
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
    text,
    true,
)

from comments_service.domain.email_address import FOLDED_LENGTH, MAILBOX_LENGTH


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in Python, stored as naive UTC ones (SQLite has no time zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to naive UTC; raises `ValueError` for a naive datetime, whose zone is unknown."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime must have a time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Add the zone, UTC."""
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
    # Random name of this database, so that the publisher notices a restore or a replacement.
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
    # The last position given to one of its threads; stored here, so that none is used twice.
    Column("positions", Integer, nullable=False, default=0, server_default=text("0")),
    # Threads per page and URL pattern of later pages; null: the whole discussion is at `url`.
    Column("page_size", Integer, nullable=True),
    Column("replies_url", String(2000), nullable=True),
    # Date of the article, if known: discussions may close some days later.
    Column("published_at", UTCDateTime, nullable=True),
    # Decision of an editor or a rule about new replies; null: the article decides (`open`).
    Column("opened", Boolean, nullable=True),
    # The publisher's last report: the revision of the discussion that the page shows on disk, and
    # the one that the publisher got when it fetched the page like a reader.
    Column("written_revision", Integer, nullable=False, server_default=text("0")),
    Column("live_revision", Integer, nullable=False, server_default=text("0")),
    Column("reported_at", UTCDateTime, nullable=True),
    # Message about why the publisher cannot write the page or readers do not get it; or null.
    Column("stalled", String(1000), nullable=True),
    UniqueConstraint("site_id", "key"),
    Index(None, "site_id", "revision"),
)

# Texts of articles, for the search without JavaScript. Not in `page`, because that is read with
# every reply.
article_text = Table(
    "article_text",
    metadata,
    Column("page_id", ForeignKey("page.id"), primary_key=True),
    # The publisher's hash of the text.
    Column("digest", String(64), nullable=False),
    # Title and question as indexed: needed to delete them from the contentless index.
    Column("head", String(2001), nullable=False),
    Column("text", Text, nullable=False),
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
    # What the author typed, and the HTML rendered from it by that version of the markup.
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("markup_version", Integer, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("submitted_at", UTCDateTime, nullable=False),
    Column("edited_at", UTCDateTime, nullable=True),
    # Permanent position of a top-level reply in its discussion; set by its first approval.
    Column("position", Integer, nullable=True),
    # Sequence number of the last public change; 0: there was none. The reply is up to date on its
    # page when the page's `written_revision` has reached this number.
    Column("revision", Integer, nullable=False, server_default=text("0")),
    # Grows with every edit, so that concurrent edits are detected.
    Column("version", Integer, nullable=False, server_default=text("0")),
    # The editor who wrote it. Not a foreign key: SQLite would have to copy the table to add one.
    Column("editor_id", Integer, nullable=True),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    # New answers are refused, to this reply and to all below it.
    Column("locked", Boolean, nullable=False, server_default=false()),
    # A random number (`store/avatars.py`); null: stored before avatars were introduced.
    Column("avatar", Integer, nullable=True),
    Index(None, "page_id", "author_name", "by_editor", "avatar"),
    # Finds replies to render again without reading all texts.
    Index(None, "markup_version", "id"),
    # Author request: "kind" ("edit" or "remove"), "words", "at"; or null.
    Column("author_request", JSON(none_as_null=True), nullable=True),
    # Decline reason: an editor's message to the author.
    Column("decline_reason", String(500), nullable=True),
    Index(None, "site_id", "status", "submitted_at", "id"),
    Index(None, "page_id", "status", "submitted_at", "id"),
    Index(None, "site_id", "submitted_at", "id"),
)

# Number of replies by page and status, updated with every change (`store/counters.py`).
tally = Table(
    "tally",
    metadata,
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
    Index(None, "site_id", "status"),
)

# Sums of `tally` by site, so that the counts of a site with 10,000 articles are fast.
site_tally = Table(
    "site_tally",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
)

# Codes of hold reasons, for the queue's filter; the reasons with details are in `comment.reasons`.
hold_reason = Table(
    "hold_reason",
    metadata,
    Column("reason", String(32), primary_key=True),
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "comment_id"),
)

# Private data has its own table, because public data is read from `comment` only.
contact = Table(
    "contact",
    metadata,
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), primary_key=True),
    Column("email", String(254), nullable=False),
    # The address for look-ups (`email_address.fold`); "" for an erased reply.
    Column("folded", String(FOLDED_LENGTH), nullable=False, index=True, server_default=""),
    # Keyed hash of (page, parent, name, email, text), to recognize a resent reply.
    Column("fingerprint", String(64), nullable=False, index=True),
    # When the author confirmed the address by a mailed link; null: anybody may have typed it.
    Column("verified_at", UTCDateTime, nullable=True),
    # IP address or network that the reply came from, as far as the rules allow to store it.
    Column("network", String(50), nullable=True, index=True),
)

editor = Table(
    "editor",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("disabled_at", UTCDateTime, nullable=True),
    Column("role", String(16), nullable=False, server_default=text("'admin'")),
    # TOTP secret and the last used time step; null: no second factor.
    Column("totp_secret", String(64), nullable=True),
    Column("totp_step", Integer, nullable=True),
    # Part of the device cookies; increasing it invalidates all of them.
    Column("browsers_epoch", Integer, nullable=False, server_default=text("0")),
    # Whether single-key shortcuts of the queue are on.
    Column("shortcuts", Boolean, nullable=False, server_default=true()),
    # Mail about new pending replies: "none", "each" or "digest".
    Column("mail", String(16), nullable=False, server_default=text("'none'")),
    Column("digest_at", UTCDateTime, nullable=True),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=False, index=True),
)

# Failed sign-in attempts, by keyed hash of the account or of the network, so that the table reveals
# neither.
sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index(None, "key", "at"),
)

# Rate limits, by keyed hash of the limit's name and the network or site that it counts.
rate_limit = Table(
    "rate_limit",
    metadata,
    Column("key", String(64), primary_key=True),
    # When the bucket is full again; the row can be deleted then.
    Column("full_at", UTCDateTime, nullable=False),
)

# Tokens are stored as SHA-256, so that reading the database does not let anybody sign in.
session = Table(
    "session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
    # The browser's user agent, for the editor's own list of sessions.
    Column("browser", String(200), nullable=False, server_default=text("''")),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # Null: the link creates an editor instead of signing one in.
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UTCDateTime, nullable=False),
    # For an invitation: address and role of the new editor.
    Column("email", String(254), nullable=True),
    Column("role", String(16), nullable=True),
)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", UTCDateTime, nullable=False),
    # Null if no editor acted, but the author or the command line; see `actor`.
    Column("editor_id", ForeignKey("editor.id"), nullable=True),
    Column("actor", String(100), nullable=False),
    Column("action", String(32), nullable=False),
    # Public ids and keys instead of foreign keys, because events outlive replies and pages.
    Column("comment", String(26), nullable=True),
    Column("page", String(200), nullable=True),
    Column("before", JSON, nullable=True),
    Column("after", JSON, nullable=True),
    Column("undoes", Integer, nullable=True),
    # The bulk action that it is part of; not a foreign key, like `comment.editor_id`.
    Column("batch_id", Integer, nullable=True),
    UniqueConstraint("site_id", "seq"),
    Index(None, "comment", "seq"),
    Index(None, "site_id", "undoes"),
    Index(None, "site_id", "action", "seq"),
    Index(None, "site_id", "editor_id", "seq"),
    Index(None, "page", "seq"),
    Index(None, "batch_id", "seq"),
)

# Bulk actions. `batch_item` has the replies of each with their results.
batch = Table(
    "batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("action", String(32), nullable=False),
    Column("editor_id", ForeignKey("editor.id"), nullable=True),
    Column("actor", String(100), nullable=False),
    # Description of the selection, as text.
    Column("chosen", String(500), nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    Column("ended_at", UTCDateTime, nullable=True),
    Column("total", Integer, nullable=False),
    # The batch that this one undoes.
    Column("undoes", Integer, nullable=True),
)

batch_item = Table(
    "batch_item",
    metadata,
    Column("batch_id", ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    # Its number in the batch, from 1.
    Column("number", Integer, primary_key=True),
    Column("comment", String(26), nullable=False),
    # The status that the editor saw; null for an undo.
    Column("expected", String(16), nullable=True),
    # The version that the editor saw; null for an undo.
    Column("version", Integer, nullable=True),
    # The event of the action; before an undo has run, the event to undo.
    Column("event_seq", Integer, nullable=True),
    # "done", or a message about why nothing was done; null: not processed yet.
    Column("result", String(300), nullable=True),
    Index(None, "batch_id", "result"),
)

# Bulk drafts: the replies that match a filter, whose number the editor is shown before confirming
# a bulk action. The confirmed action applies to exactly these replies.
bulk_draft = Table(
    "bulk_draft",
    metadata,
    Column("id", Integer, primary_key=True),
    # Identifies the draft in the form. Row ids are reused after a deletion, tokens are not.
    Column("token", String(26), nullable=False, unique=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("editor_id", ForeignKey("editor.id"), nullable=False),
    Column("action", String(32), nullable=False),
    # Description of the selection, as text.
    Column("chosen", String(500), nullable=False),
    # The site's last sequence number when the replies were counted.
    Column("counted_at", Integer, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    # The batch that was made of it; null: not confirmed yet.
    Column("batch_id", Integer, nullable=True),
)

bulk_draft_item = Table(
    "bulk_draft_item",
    metadata,
    Column("draft_id", ForeignKey("bulk_draft.id", ondelete="CASCADE"), primary_key=True),
    Column("comment", String(26), primary_key=True),
    # Status and version when the replies were counted.
    Column("expected", String(16), nullable=False),
    Column("version", Integer, nullable=False),
)

# Email addresses that editors searched for. URLs contain only the id, so that no reader's address
# gets into a browser's history or a web server's log.
email_search = Table(
    "email_search",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", String(254), nullable=False, unique=True),
)

# Settings that editors can change, such as the rules, as JSON by name.
setting = Table(
    "setting",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
    # Grows with every change, so that concurrent changes are detected.
    Column("version", Integer, nullable=False),
    # Random, new with every change: after a restore the same version may have other content.
    Column("stamp", String(32), nullable=False, server_default=text("''")),
)

ban = Table(
    "ban",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    # "address" (email), "network" or "word".
    Column("kind", String(16), nullable=False),
    Column("value", String(254), nullable=False),
    Column("note", String(300), nullable=False, server_default=text("''")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=True),
    Column("lifted_at", UTCDateTime, nullable=True),
    Index(None, "site_id", "kind", "value"),
)

# Mail to send: written in the transaction of its cause, sent by `mail/outbox_worker.py`.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    # Kind and cause identify the mail; it is sent once to each address.
    Column("kind", String(32), nullable=False),
    Column("cause", String(100), nullable=False),
    Column("to_address", String(254), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("headers", JSON, nullable=False),
    # "waiting", "sent" or "failed".
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("next_at", UTCDateTime, nullable=False),
    # End of the lease of the worker that is sending it.
    Column("leased_until", UTCDateTime, nullable=True),
    Column("sent_at", UTCDateTime, nullable=True),
    # The mail server's response or an error message, without email addresses.
    Column("problem", String(500), nullable=True),
    UniqueConstraint("kind", "cause", "to_address"),
    Index(None, "state", "next_at"),
)

# Links in mail: random tokens, stored as SHA-256; each works once and until it expires.
mail_link = Table(
    "mail_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # "decide" (an editor decides about a reply) or "verify" (an author confirms an address).
    Column("kind", String(16), nullable=False),
    Column("comment", String(26), nullable=False, index=True),
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime, nullable=True),
)

# Followers: who gets mail about new replies. Private like `contact`, never read for public output.
subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    # The author's reply that the request came with; null: it came without a reply.
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), nullable=True, index=True),
    # "all" replies of the article, or "replies": the answers to the author's reply.
    Column("kind", String(16), nullable=False),
    # "asked", "confirmed" or "ended".
    Column("state", String(16), nullable=False),
    Column("email", String(254), nullable=False),
    # The address for look-ups by the privacy check (`email_address.fold`).
    Column("folded", String(FOLDED_LENGTH), nullable=False),
    # Equal only for addresses of the same owner (`email_address.mailbox`).
    Column("mailbox", String(MAILBOX_LENGTH), nullable=False, server_default=text("''")),
    # Random part of the unsubscribe link, which also needs the service's secret.
    Column("seed", String(22), nullable=False, unique=True),
    # SHA-256 of the token in the confirmation mail.
    Column("confirm_hash", String(64), nullable=True, unique=True),
    Column("confirm_until", UTCDateTime, nullable=True),
    Column("asked_at", UTCDateTime, nullable=False),
    Column("confirmed_at", UTCDateTime, nullable=True),
    Column("ended_at", UTCDateTime, nullable=True),
    Index(None, "page_id", "state", "mailbox"),
    Index(None, "mailbox"),
    Index(None, "folded"),
)

# Notification rounds: one mailing to the followers of a page. Its replies are in `news`.
news_round = Table(
    "news_round",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    Column("begun_at", UTCDateTime, nullable=False),
    # Id of the last subscription with a mail in the outbox, and when the round was complete.
    Column("reached", Integer, nullable=False, server_default=text("0")),
    Column("done_at", UTCDateTime, nullable=True, index=True),
    Index(None, "page_id", "begun_at"),
)

# New public replies of pages that have followers; one row a reply, however many followers.
news = Table(
    "news",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("at", UTCDateTime, nullable=False),
    # The round that mails it; null: not yet mailed.
    Column("round_id", ForeignKey("news_round.id"), nullable=True),
    Index(None, "round_id", "page_id"),
)

# Erasures whose text is still in the full-text index or the write-ahead log. The row is deleted
# when both are clean, so that a restart in between loses nothing.
scrub = Table("scrub", metadata, Column("id", Integer, primary_key=True))
