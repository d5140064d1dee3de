"""What a password may be, and its hash. Nothing here says that it needs a capital or a sign."""

import re
import secrets
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN = 12
MAX = 200

_COMMON = Path(__file__).with_name("common_passwords.txt")
# Shorter words of a name or an address turn up in anything.
_OWN_WORD = 4
# What has to be left of a password once everybody's guesses are taken out of it.
_LEFT = 6
# "aaaaaaaaaaaa", "abcabcabcabc": a few characters again and again.
_REPEATED = re.compile(r"(.{1,4}?)\1+", re.DOTALL)

_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """Return the Argon2id hash, with its parameters and salt in it."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Compare exactly; without a hash it takes as long, and is False."""
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def problem(password: str, *, own: Iterable[str] = ()) -> str | None:
    """Return the sentence that says what is wrong with a new password, or None.

    `own` is what anybody would try first: the editor's address and name, the site's name.
    """
    if not MIN <= len(password) <= MAX:
        return f"Password must have between {MIN} and {MAX} characters"
    plain = _plain(password)
    if password.casefold() in common() or plain in common() or _REPEATED.fullmatch(plain):
        return (
            "Password is one that is often used and soon guessed. Choose another, like a sentence"
        )
    left = plain
    for word in sorted(_words(own), key=len, reverse=True):
        left = left.replace(word, "")
    if left != plain and len(left) < _LEFT:
        return (
            "Password must not be made of your email address, your name or the name of this site. "
            "Choose another, like a sentence"
        )
    return None


@cache
def common() -> frozenset[str]:
    """Return the passwords that are tried first, as they are and without what stands between."""
    lines = _COMMON.read_text("utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    return frozenset(listed) | {_plain(line) for line in listed} - {""}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold()) or text


def _words(own: Iterable[str]) -> Iterator[str]:
    for text in own:
        # The whole of it as well as its parts: "ann.okoye@example.org" and "okoye".
        for word in (text, *re.split(r"[\W_]+", text)):
            if len(plain := _plain(word)) >= _OWN_WORD:
                yield plain


@cache
def _nobodys_hash() -> str:
    # Verified against when the address is unknown, so that the answer takes as long.
    return _hasher.hash(secrets.token_urlsafe(32))
