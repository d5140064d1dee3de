"""Comparison of email addresses: exactly by mailbox, or broadly for bans and privacy checks."""

from contextlib import suppress

import idna

# Column width: 254 characters, each of which case folding can turn into three.
FOLDED_LENGTH = 800
# Column width: 64 + 1 + 253 characters, with room for addresses that were stored unchecked.
MAILBOX_LENGTH = 800


def fold(email: str) -> str:
    """Return the case-folded address; addresses of two owners may become equal.

    For bans and the privacy check only, where a false match is the safer mistake: case folding
    makes "straße.example" equal to "strasse.example", which is another domain. Use `mailbox` to
    decide whether two addresses have the same owner.

    Done here and not in SQL: SQLite folds ASCII only, and other databases differ.
    """
    return email.strip().casefold()


def mailbox(email: str) -> str:
    """Return the normalized address, equal for two addresses only if they have the same owner.

    The local part is in lower case, the domain in Punycode (IDNA 2008).
    """
    local, at, domain = email.strip().rpartition("@")
    return local.lower() + at + ascii_domain(domain)


def ascii_domain(domain: str) -> str:
    """Return the domain as in the DNS and browsers: lower case, in Punycode (IDNA 2008)."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        # Not a valid domain, which only addresses that were stored unchecked can have.
        return domain.lower()


def folded_forms(owner: str) -> set[str]:
    """Return the `fold` values of all addresses whose `mailbox` value is `owner`.

    For look-ups by the folded address. Compare the results by `mailbox`, because an address of
    another owner may have the same `fold` value.
    """
    local, at, domain = owner.rpartition("@")
    forms = {fold(owner)}
    with suppress(idna.IDNAError):
        forms.add(fold(local + at + idna.decode(domain)))
    return forms
