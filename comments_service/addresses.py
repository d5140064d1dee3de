"""Email addresses as they are compared: one mailbox, however it was typed."""

# Case folding makes a letter three at most, and an address has 254 characters.
FOLDED_LENGTH = 800


def fold(email: str) -> str:
    """Return the address as it is compared and looked up: without case, in any script.

    The database cannot do it: SQLite folds ASCII only, and others differ in what they fold.
    """
    return email.strip().casefold()
