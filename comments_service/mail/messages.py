"""Builds email messages from rows of the outbox; the same row always gives the same message."""

import hashlib
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy

import email_validator

from comments_service.domain import smtp_address
from comments_service.services import link_tokens
from comments_service.store.outbox import Mail


class _Whole(UnstructuredHeader, BaseHeader):
    """A header of links or ids, which must be neither folded nor encoded."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header on one line."""
        return f"{self.name}: {self}{policy.linesep}"


_registry = HeaderRegistry()
for _name_of in ("list-unsubscribe", "list-id", "in-reply-to", "references"):
    _registry.map_to_type(_name_of, _Whole)
_POLICY = SMTP.clone(header_factory=_registry)


def build(mail: Mail, secret: bytes, mail_from: str) -> EmailMessage:
    """Return the message. Its sender is the site, never the author of a reply.

    Raises `ValueError` if the row cannot be turned into a message.
    """
    sender = smtp_address.sender(mail_from)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    user, _, domain = recipient(mail.to_address).rpartition("@")
    message["To"] = Address(username=user, domain=domain)
    message["Subject"] = mail.subject
    message["Date"] = mail.created_at
    # The same for every attempt, so that a second copy can be recognized.
    message["Message-ID"] = f"<{_name(mail)}@{sender.domain}>"
    # Prevents automatic replies (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers.items():
        message[name] = link_tokens.sign(secret, value)
    message.set_content(link_tokens.sign(secret, mail.body))
    return message


def recipient(address: str) -> str:
    """Return the address with an international domain as xn--…"""
    try:
        valid = email_validator.validate_email(address, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return address
    return f"{valid.local_part}@{valid.ascii_domain}"


def _name(mail: Mail) -> str:
    made_of = f"{mail.id}:{mail.kind}:{mail.cause}:{mail.created_at.isoformat()}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]
