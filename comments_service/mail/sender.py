"""SMTP client: sends messages over one connection and returns the result of each."""

import asyncio
import ipaddress
import re
import ssl
from contextlib import suppress
from email.message import EmailMessage
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from comments_service.domain.email_address import ascii_domain
from comments_service.domain.smtp_address import Encryption, Server

CONNECT_SECONDS = 20.0
# For one message, from MAIL to the final response; must be shorter than the lease of a mail.
MESSAGE_SECONDS = 60.0

# An address in a server's response: bare, in brackets or quoted.
_ADDRESS = re.compile(r"[^\s<>()\"',;:]*@[^\s<>()\"',;:]+|\"[^\"]*\"@\S+")


# The enhanced status code after the reply code; not the beginning of an IP address.
_ENHANCED = re.compile(r"5\d\d\W+(5\.\d{1,3}\.\d{1,3})\b(?!\.\d)")
# Bad mailbox, bad system, bad syntax, moved, null MX. Other 5.1.x codes are about the sender, or
# too general.
_NO_SUCH_ADDRESS = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
_WHO = r"(?:user|mailbox|recipient|account)"
_NOBODY = re.compile(
    rf"\b(?:no such|unknown|invalid) (?:local )?{_WHO}\b"
    rf"|\b{_WHO}\W+(?:\(address\)\W+)?(?:is )?"
    r"(?:unknown|not found|not known|does(?: not|n't) exist)",
    re.IGNORECASE,
)


class Result(StrEnum):
    """The result of sending a message."""

    ACCEPTED = "accepted"
    # Permanent failure: another attempt would fail too.
    REFUSED = "refused"
    # Temporary or unknown failure: try again.
    LATER = "later"
    # Not sent, because there is nothing to notify about any more.
    NEEDLESS = "needless"


class Said(NamedTuple):
    """The result of a message, and a text about it without email addresses."""

    result: Result
    words: str
    # The server's code, if it gave one.
    code: int | None = None
    # Whether the server reported that the address does not exist.
    no_such_address: bool = False


class Sender:
    """A connection to the mail server, opened with the first message.

    If connecting fails, the sender does not try again: all messages get the same result.
    """

    def __init__(self, server: Server, site_url: str) -> None:
        self._server = server
        self._host = _local_name(site_url)
        self._client: aiosmtplib.SMTP | None = None
        self._unreachable: Said | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if error is None and client.is_connected:
            # Errors do not matter: all results are known already.
            with suppress(SMTPException, OSError):
                await client.quit(timeout=5)
        client.close()

    async def send(self, message: EmailMessage, sender: str, to: str) -> Said:
        """Send one message; errors of the server or the network are results, not exceptions."""
        client = await self._connected()
        if isinstance(client, Said):
            return client
        try:
            async with asyncio.timeout(MESSAGE_SECONDS):
                _, words = await client.send_message(message, sender=sender, recipients=[to])
        except Exception as error:
            said = _told(error)
            if said is None:
                raise
            return said
        return Said(Result.ACCEPTED, without_addresses(words), 250)

    async def _connected(self) -> aiosmtplib.SMTP | Said:
        if self._unreachable is not None:
            return self._unreachable
        if self._client is not None and self._client.is_connected:
            return self._client
        client = await asyncio.to_thread(self._new)
        try:
            async with asyncio.timeout(CONNECT_SECONDS * 2):
                await client.connect()
        except Exception as error:
            client.close()
            said = self._cannot_connect(error)
            if said is None:
                raise
            self._unreachable = said
            return said
        self._client = client
        return client

    def _new(self) -> aiosmtplib.SMTP:
        # Called in a thread, because it reads the system's certificates.
        server = self._server
        encryption = server.encryption
        start_tls = {Encryption.STARTTLS: True, Encryption.OFFERED: None}.get(encryption, False)
        encrypted = encryption is not Encryption.NONE
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=self._host,
            timeout=CONNECT_SECONDS,
            use_tls=encryption is Encryption.TLS,
            start_tls=start_tls,
            # Checks host names against the system's authorities or those in SSL_CERT_FILE.
            tls_context=ssl.create_default_context() if encrypted else None,
        )

    def _cannot_connect(self, error: Exception) -> Said | None:
        """Return why connecting failed, always as `LATER`: it is no problem of the message.

        None for an unknown error.
        """
        cause = _certificate_problem(error)
        if cause is not None:
            words = (
                f"The mail server's certificate cannot be trusted: {cause.verify_message}. Fix "
                "the certificate, or use the name that it is for in REJOINDER_SMTP_URL"
            )
        elif isinstance(error, SMTPAuthenticationError):
            words = (
                f"The mail server refuses user or password ({error.code} {error.message}). "
                "Check REJOINDER_SMTP_URL"
            )
        elif isinstance(error, SMTPResponseException):
            words = f"The mail server refuses the connection: {error.code} {error.message}"
        elif isinstance(error, SMTPServerDisconnected):
            words = "The mail server closed the connection before the first message"
        elif isinstance(error, TimeoutError):
            words = "The mail server does not answer in time. Check REJOINDER_SMTP_URL"
        elif isinstance(error, OSError | SMTPConnectError):
            words = "The mail server cannot be reached. Check that it runs, and REJOINDER_SMTP_URL"
        elif isinstance(error, SMTPException) and "STARTTLS" in error.message:
            words = (
                "The mail server offers no STARTTLS, so nothing was sent to it. Use smtps://, or "
                "?tls=none in REJOINDER_SMTP_URL if the network to it is safe"
            )
        elif isinstance(error, SMTPException):
            words = f"The mail server cannot be used: {error.message}"
        else:
            return None
        return Said(Result.LATER, without_addresses(words), getattr(error, "code", None))


def without_addresses(words: str) -> str:
    """Return a server's response as one line without control characters and email addresses."""
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return _ADDRESS.sub("(address)", line)[:500]


def _told(error: Exception) -> Said | None:
    if isinstance(error, SMTPRecipientsRefused):
        said = _told(error.recipients[0])
        return said and said._replace(no_such_address=_is_hard(said))
    if isinstance(error, SMTPNotSupported):
        words = "The mail server does not support international addresses (SMTPUTF8)"
        return Said(Result.REFUSED, words)
    if isinstance(error, SMTPSenderRefused) and error.code >= 500:
        # The site's own address was refused: a setting is wrong, not the message.
        words = f"The mail server refuses the sender: {error.code} {error.message}. " + (
            "Check REJOINDER_MAIL_FROM"
        )
        return Said(Result.LATER, without_addresses(words), error.code)
    if isinstance(error, SMTPResponseException):
        refused = 500 <= error.code < 600
        words = without_addresses(f"{error.code} {error.message}")
        return Said(Result.REFUSED if refused else Result.LATER, words, error.code)
    if isinstance(error, SMTPTimeoutError | TimeoutError):
        return Said(Result.LATER, "The mail server did not answer in time")
    if isinstance(error, SMTPServerDisconnected | OSError):
        return Said(Result.LATER, "The connection to the mail server was lost")
    if isinstance(error, SMTPException):
        return Said(Result.LATER, without_addresses(error.message))
    return None


def _is_hard(said: Said) -> bool:
    # Most refusals are about the sender (relaying, reputation), not about whether the address
    # exists. The enhanced code tells (RFC 3463); without one, only a clear text counts.
    if said.result is not Result.REFUSED or said.code is None:
        return False
    if code := _ENHANCED.match(said.words):
        return code[1] in _NO_SUCH_ADDRESS
    return said.code in {550, 551, 553} and _NOBODY.search(said.words) is not None


def _certificate_problem(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _local_name(site_url: str) -> str:
    """Return the name for EHLO: the site's host, or its IP address in brackets (RFC 5321)."""
    host = urlsplit(site_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ascii_domain(host)
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
