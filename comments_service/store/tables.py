"""The tables. Types are portable between SQLite and PostgreSQL; times are UTC; states are words."""

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
    Column("positions", Integer, nullable=False, default=0, server_default=text("0")),
    # How the site divides long discussions; null: everything stands at `url`.
    Column("page_size", Integer, nullable=True),
    Column("replies_url", String(2000), nullable=True),
    # When the article appeared, if the site says so: discussions may close some days later.
    Column("published_at", UTCDateTime, nullable=True),
    # What an editor or a rule decided about new replies; null: what the article says (`open`).
    Column("opened", Boolean, nullable=True),
    # What the publisher said last: the revision of the discussion that its page shows, and the
    # one that it saw when it fetched the page as a reader does.
    Column("written_revision", Integer, nullable=False, server_default=text("0")),
    Column("live_revision", Integer, nullable=False, server_default=text("0")),
    Column("reported_at", UTCDateTime, nullable=True),
    # Why the publisher cannot write the page, or readers do not get it, in words; null: all well.
    Column("stalled", String(1000), nullable=True),
    UniqueConstraint("site_id", "key"),
    Index(None, "site_id", "revision"),
)

# The words of the articles themselves, for readers who search without JavaScript. Apart from
# `page`, which is read with every reply.
article_text = Table(
    "article_text",
    metadata,
    Column("page_id", ForeignKey("page.id"), primary_key=True),
    # What the publisher calls this state of the article.
    Column("digest", String(64), nullable=False),
    # Title and question as they stand in the index: whoever takes them out has to say them again.
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
    # What the author typed; the html is derived from it once, by the pipeline of that version.
    Column("text", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("markup_version", Integer, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("submitted_at", UTCDateTime, nullable=False),
    Column("edited_at", UTCDateTime, nullable=True),
    # A top-level reply's permanent place in its discussion, from its first approval on.
    Column("position", Integer, nullable=True),
    # The number of the last change that readers can see; 0: there was none. Its page is up to date
    # when the page's `written_revision` has reached it.
    Column("revision", Integer, nullable=False, server_default=text("0")),
    # Grows with every edit, so that nobody overwrites what somebody else just wrote.
    Column("version", Integer, nullable=False, server_default=text("0")),
    # The editor who wrote it. A number only: to add a foreign key, SQLite would copy the table.
    Column("editor_id", Integer, nullable=True),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    # Nobody may answer it, nor what stands below it.
    Column("locked", Boolean, nullable=False, server_default=false()),
    # A random number (`store/avatars.py`); null: stored before there were avatars.
    Column("avatar", Integer, nullable=True),
    Index(None, "page_id", "author_name", "by_editor", "avatar"),
    # Finds what is to be rendered again, without reading all texts.
    Index(None, "markup_version", "id"),
    # What its author asks of the editors: "kind" ("edit" or "remove"), "words", "at"; or null.
    Column("author_request", JSON(none_as_null=True), nullable=True),
    # Why it was declined, in an editor's words for its author.
    Column("decline_reason", String(500), nullable=True),
    Index(None, "site_id", "status", "submitted_at", "id"),
    Index(None, "page_id", "status", "submitted_at", "id"),
    Index(None, "site_id", "submitted_at", "id"),
)

# How many replies stand where, kept by whoever moves one (`store/tallies.py`).
tally = Table(
    "tally",
    metadata,
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
    Index(None, "site_id", "status"),
)

# The sums of `tally`, so that a site of 10,000 articles shows its counts at once.
site_tally = Table(
    "site_tally",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("count", Integer, nullable=False),
)

# Why a reply was held, for the queue's filter; in words and in full they are in `comment.reasons`.
hold_reason = Table(
    "hold_reason",
    metadata,
    Column("reason", String(32), primary_key=True),
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "comment_id"),
)

# Private data has its own table: what goes public is read from `comment` alone.
contact = Table(
    "contact",
    metadata,
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), primary_key=True),
    Column("email", String(254), nullable=False),
    # The address as it is looked up (addresses.fold); "" of an erased reply.
    Column("folded", String(FOLDED_LENGTH), nullable=False, index=True, server_default=""),
    # Keyed hash of (page, parent, name, email, text): tells a resend from a new reply.
    Column("fingerprint", String(64), nullable=False, index=True),
    # The author followed a link that was sent to the address (null: anybody may have typed it).
    Column("verified_at", UTCDateTime, nullable=True),
    # The network, or the address, from which the reply came, as far as the operator keeps it.
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
    # The secret of a second factor, and the step that was used last; null: there is none.
    Column("totp_secret", String(64), nullable=True),
    Column("totp_step", Integer, nullable=True),
    # Part of the cookies of known browsers; a higher number makes all of them unknown.
    Column("browsers_epoch", Integer, nullable=False, server_default=text("0")),
    # Single-key shortcuts of the queue.
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

# Attempts to sign in that failed, by keyed hash of the account or of the network: neither of them
# can be read from here.
sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False),
    Column("at", UTCDateTime, nullable=False),
    Index(None, "key", "at"),
)

# Rate limits, by keyed hash of the limit and of what it counts: a network, or the site.
rate_limit = Table(
    "rate_limit",
    metadata,
    Column("key", String(64), primary_key=True),
    # When the bucket is full again; from then on the row says nothing.
    Column("full_at", UTCDateTime, nullable=False),
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
    # What the browser said it is, for the editor's own list of sessions.
    Column("browser", String(200), nullable=False, server_default=text("''")),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # Null: the link creates an editor instead of signing one in.
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UTCDateTime, nullable=False),
    # An invitation: whom it makes an editor, and with which role.
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
    # The bulk action that it is a part of; a number only, as `comment.editor_id`.
    Column("batch_id", Integer, nullable=True),
    UniqueConstraint("site_id", "seq"),
    Index(None, "comment", "seq"),
    Index(None, "site_id", "undoes"),
    Index(None, "site_id", "action", "seq"),
    Index(None, "site_id", "editor_id", "seq"),
    Index(None, "page", "seq"),
    Index(None, "batch_id", "seq"),
)

# One bulk action, and below it what became of each reply that it was for.
batch = Table(
    "batch",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("action", String(32), nullable=False),
    Column("editor_id", ForeignKey("editor.id"), nullable=True),
    Column("actor", String(100), nullable=False),
    # In words: what was chosen.
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
    # Its place in the batch, from 1.
    Column("number", Integer, primary_key=True),
    Column("comment", String(26), nullable=False),
    # The state in which the editor saw it; for an undo, the entry of the log to take back.
    Column("expected", String(16), nullable=True),
    # The version that the editor read; null for an undo.
    Column("version", Integer, nullable=True),
    Column("event_seq", Integer, nullable=True),
    # Null: not yet. "done", or why nothing was done, in words.
    Column("result", String(300), nullable=True),
    Index(None, "batch_id", "result"),
)

# What an editor was shown the number of, before a bulk action on all that match: confirming it is
# for these replies and no others. No part of the log, nor of the bulk actions.
bulk_draft = Table(
    "bulk_draft",
    metadata,
    Column("id", Integer, primary_key=True),
    # What the form carries. Row ids are given again after a deletion; this never is.
    Column("token", String(26), nullable=False, unique=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("editor_id", ForeignKey("editor.id"), nullable=False),
    Column("action", String(32), nullable=False),
    # In words: what was chosen.
    Column("chosen", String(500), nullable=False),
    # The last number of the site's sequence at that time.
    Column("counted_at", Integer, nullable=False),
    Column("expires_at", UTCDateTime, nullable=False),
    # The batch that came of it; null: not confirmed yet.
    Column("batch_id", Integer, nullable=True),
)

bulk_draft_item = Table(
    "bulk_draft_item",
    metadata,
    Column("draft_id", ForeignKey("bulk_draft.id", ondelete="CASCADE"), primary_key=True),
    Column("comment", String(26), primary_key=True),
    # The state and the version that were counted.
    Column("expected", String(16), nullable=False),
    Column("version", Integer, nullable=False),
)

# Addresses that editors searched for: a search's own address says only the number, so that no
# reader's email gets into a browser's history or a web server's log.
email_search = Table(
    "email_search",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", String(254), nullable=False, unique=True),
)

# What editors decided about the queue itself, each under its name, as JSON.
setting = Table(
    "setting",
    metadata,
    Column("site_id", ForeignKey("site.id"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
    # Grows with every change, so that nobody overwrites what somebody else just saved.
    Column("version", Integer, nullable=False),
    # Random, new with every change: a restored database may have the number for other content.
    Column("stamp", String(32), nullable=False, server_default=text("''")),
)

ban = Table(
    "ban",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    # "address" (of email), "network" or "word".
    Column("kind", String(16), nullable=False),
    Column("value", String(254), nullable=False),
    Column("note", String(300), nullable=False, server_default=text("''")),
    Column("created_at", UTCDateTime, nullable=False),
    Column("expires_at", UTCDateTime, nullable=True),
    Column("lifted_at", UTCDateTime, nullable=True),
    Index(None, "site_id", "kind", "value"),
)

# Mail that has to leave: written in the transaction of its cause, sent by `mail/worker.py`.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    # What it is about; the same cause is mailed once.
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
    # Whoever sends it has it until then.
    Column("leased_until", UTCDateTime, nullable=True),
    Column("sent_at", UTCDateTime, nullable=True),
    # What the mail server said, in words, without an address.
    Column("problem", String(500), nullable=True),
    UniqueConstraint("kind", "cause", "to_address"),
    Index(None, "state", "next_at"),
)

# Links in mail: signed by being unguessable, kept as SHA-256; each works once and until a time.
mail_link = Table(
    "mail_link",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    # What it is for: "decide" (an editor about a reply) or "verify" (an author's address).
    Column("kind", String(16), nullable=False),
    Column("comment", String(26), nullable=False, index=True),
    Column("editor_id", ForeignKey("editor.id", ondelete="CASCADE"), nullable=True),
    Column("expires_at", UTCDateTime, nullable=False),
    Column("used_at", UTCDateTime, nullable=True),
)

# Who gets mail about new replies. Private, as `contact` is: nothing public is read from here.
subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    # The author's own reply with which it was asked for; null: asked for without one.
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), nullable=True, index=True),
    # "all" of the article's replies, or "replies": the answers to that one reply.
    Column("kind", String(16), nullable=False),
    # "asked", "confirmed" or "ended".
    Column("state", String(16), nullable=False),
    Column("email", String(254), nullable=False),
    # The address as the privacy gate looks it up (addresses.fold).
    Column("folded", String(FOLDED_LENGTH), nullable=False),
    # The same for two addresses of one owner, and of no others (addresses.mailbox).
    Column("mailbox", String(MAILBOX_LENGTH), nullable=False, server_default=text("''")),
    # What the link that ends it is made of; without the service's secret it opens nothing.
    Column("seed", String(22), nullable=False, unique=True),
    # SHA-256 of the token in the mail that asks whether the address agrees.
    Column("confirm_hash", String(64), nullable=True, unique=True),
    Column("confirm_until", UTCDateTime, nullable=True),
    Column("asked_at", UTCDateTime, nullable=False),
    Column("confirmed_at", UTCDateTime, nullable=True),
    Column("ended_at", UTCDateTime, nullable=True),
    Index(None, "page_id", "state", "mailbox"),
    Index(None, "mailbox"),
    Index(None, "folded"),
)

# One telling of an article's followers: the replies that are told of refer to it.
news_round = Table(
    "news_round",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_id", ForeignKey("site.id"), nullable=False),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    Column("begun_at", UTCDateTime, nullable=False),
    # The last subscription for which a mail was written, and when that was all of them.
    Column("reached", Integer, nullable=False, server_default=text("0")),
    Column("done_at", UTCDateTime, nullable=True, index=True),
    Index(None, "page_id", "begun_at"),
)

# A reply that became public where somebody follows: written once for each reply, whoever follows.
news = Table(
    "news",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("page_id", ForeignKey("page.id"), nullable=False),
    Column("comment_id", ForeignKey("comment.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("at", UTCDateTime, nullable=False),
    # Null: not told yet.
    Column("round_id", ForeignKey("news_round.id"), nullable=True),
    Index(None, "round_id", "page_id"),
)

# An erasure whose traces are still in the full-text index or the write-ahead log. The row goes when
# both are clean, so that a restart in between forgets nothing.
scrub = Table("scrub", metadata, Column("id", Integer, primary_key=True))
