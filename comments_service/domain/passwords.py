"""Password hashing (Argon2id) and the checks of new passwords.

Passwords must be long and not guessable; no character classes are required.
"""

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
# Shorter parts of a name or an address are ignored: they occur in many passwords by chance.
_OWN_WORD = 4
# Characters that must remain of a password when the words of `own` are removed from it.
_LEFT = 6
# A few characters repeated, such as "aaaaaaaaaaaa" or "abcabcabcabc".
_REPEATED = re.compile(r"(.{1,4}?)\1+", re.DOTALL)

_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """Return the Argon2id hash, which includes its parameters and salt."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether the password matches the hash.

    Without a hash the result is False, and computing it takes as long as with one.
    """
    try:
        _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def problem(password: str, *, own: Iterable[str] = ()) -> str | None:
    """Return a sentence about what is wrong with a new password, or None.

    `own` holds words that are easy to guess: the editor's address and name, the site's name.
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
    """Return the most common passwords, each as listed and also without punctuation."""
    lines = _COMMON.read_text("utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    return frozenset(listed) | {_plain(line) for line in listed} - {""}


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold()) or text


def _words(own: Iterable[str]) -> Iterator[str]:
    for text in own:
        # The whole text and its parts: "ann.okoye@example.org" and "okoye".
        for word in (text, *re.split(r"[\W_]+", text)):
            if len(plain := _plain(word)) >= _OWN_WORD:
                yield plain


@cache
def _nobodys_hash() -> str:
    # Verified for unknown addresses, so that the response time does not reveal accounts.
    return _hasher.hash(secrets.token_urlsafe(32))
