"""How email addresses are compared: by owner, or broadly for bans and the privacy gate."""

from contextlib import suppress

import idna

# Case folding makes a letter three at most, and an address has 254 characters.
FOLDED_LENGTH = 800
# A local part of 64 characters and a domain of 253, with room for addresses stored unchecked.
MAILBOX_LENGTH = 800


def fold(email: str) -> str:
    """Return the address without case, in any script; addresses of two owners may become equal.

    For bans and the privacy gate only, where a match too many is the safer mistake: case folding
    makes "straße.example" equal to "strasse.example", which is another domain. Use `mailbox` to
    decide what somebody owns.

    The database cannot do it: SQLite folds ASCII only, and others differ in what they fold.
    """
    return email.strip().casefold()


def mailbox(email: str) -> str:
    """Return what is equal for two addresses only if they have the same owner.

    The local part in lower case, and the domain as the DNS has it (IDNA 2008).
    """
    local, at, domain = email.strip().rpartition("@")
    return local.lower() + at + ascii_domain(domain)


def ascii_domain(domain: str) -> str:
    """Return the domain as the DNS and browsers have it: lower case, in Punycode (IDNA 2008)."""
    if domain.isascii():
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        # Not a domain; only an address that was stored unchecked can have it.
        return domain.lower()


def folded_forms(owner: str) -> set[str]:
    """Return what `fold` makes of the addresses of which `mailbox` makes `owner`.

    For a look-up by the folded address. Compare what it finds by `mailbox`: it may be another's.
    """
    local, at, domain = owner.rpartition("@")
    forms = {fold(owner)}
    with suppress(idna.IDNAError):
        forms.add(fold(local + at + idna.decode(domain)))
    return forms
