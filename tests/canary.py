"""Finds leaks of an email address, including its hashes and encodings."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from urllib.parse import quote

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")


def traces_of(email: str) -> dict[bytes, str]:
    """Return the forms in which the address could leak, by name."""
    plain = {email, email.lower(), email.upper(), email.strip().lower()}
    found = {form.encode(): "plain" for form in plain}
    found |= {quote(form, safe="").encode(): "percent-encoded" for form in plain}
    found |= {form.replace("@", "&#64;").encode(): "entity" for form in plain}
    for form in plain:
        found |= {base64.b64encode(form.encode()).rstrip(b"="): "base64"}
        for name in HASHES:
            digest = hashlib.new(name, form.encode()).digest()
            found[digest.hex().encode()] = name
            found[digest.hex().upper().encode()] = name
            found[base64.b64encode(digest).rstrip(b"=")] = f"{name}, base64"
            found[base64.urlsafe_b64encode(digest).rstrip(b"=")] = f"{name}, base64"
    return found


def leaks(places: Iterable[tuple[str, bytes]], emails: Iterable[str]) -> Iterator[str]:
    """Return every place that contains a form of an address, and which form."""
    traces = [(email, traces_of(email)) for email in emails]
    for place, content in places:
        for email, forms in traces:
            for form, kind in forms.items():
                if form in content:
                    yield f"{place}: {email} ({kind})"
