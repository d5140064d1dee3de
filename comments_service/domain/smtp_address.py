"""Parsers of the mail settings: the SMTP URL and the sender address."""

import ipaddress
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit


class Encryption(StrEnum):
    """Encryption of the connection to the mail server; certificates are always verified."""

    # From the first byte on.
    TLS = "tls"
    # STARTTLS required: nothing is sent to a server that does not offer it.
    STARTTLS = "starttls"
    # STARTTLS if the server offers it; for a server on this machine only.
    OFFERED = "offered"
    NONE = "none"


class Server(NamedTuple):
    """The mail server and how to connect to it."""

    host: str
    port: int
    user: str | None
    password: str | None
    encryption: Encryption


_PORTS = {Encryption.TLS: 465, Encryption.STARTTLS: 587, Encryption.OFFERED: 25}


def parse(url: str) -> Server:
    """Parse `smtp://user:password@host:587` or `smtps://…`.

    Raises `ValueError`. Its message contains no part of the URL, because that has a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("must be like smtp://user:password@mail.example:587") from None
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError("must begin with smtp:// (STARTTLS) or smtps:// (TLS from the start)")
    if not host or parts.path.strip("/") or parts.fragment:
        raise ValueError("must be like smtp://user:password@mail.example:587, without a path")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("must have both a user and a password, or neither")
    encryption = _encryption(parts.scheme, host, parts.query)
    user = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    if encryption is Encryption.NONE and user is not None and not _on_this_machine(host):
        raise ValueError("would send the password in the clear: leave out ?tls=none, or the user")
    return Server(host, port or _PORTS.get(encryption, 25), user, password, encryption)


def _encryption(scheme: str, host: str, query: str) -> Encryption:
    options = parse_qsl(query, keep_blank_values=True)
    if options not in ([], [("tls", "none")], [("tls", "required")]):
        raise ValueError("takes one option only: ?tls=required or ?tls=none")
    wanted = dict(options).get("tls")
    if scheme == "smtps":
        if wanted == "none":
            raise ValueError("cannot be smtps:// and ?tls=none at the same time")
        return Encryption.TLS
    if wanted == "none":
        return Encryption.NONE
    here = wanted is None and _on_this_machine(host)
    return Encryption.OFFERED if here else Encryption.STARTTLS


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sender(value: str) -> Address:
    """Parse the sender address: `noreply@blog.example`, or `Blog <…>` with a name.

    Raises `ValueError` if it is not an ASCII email address.
    """
    name, address = parseaddr(value)
    try:
        parsed = Address(name, addr_spec=address)
    except (HeaderParseError, ValueError, IndexError):
        parsed = None
    if parsed is None or not parsed.domain or not parsed.username or not value.isprintable():
        raise ValueError("must be an email address, with a name before it or without")
    if not parsed.addr_spec.isascii():
        raise ValueError("must be an address in ASCII; write an international domain as xn--…")
    return parsed
