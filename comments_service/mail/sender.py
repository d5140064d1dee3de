"""Hands messages to the mail server, several over one connection, and says what became of each."""

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
# For one message, from MAIL to the last word about it; the lease of a mail is longer.
MESSAGE_SECONDS = 60.0

# What servers write between brackets, quoted or bare around an @.
_ADDRESS = re.compile(r"[^\s<>()\"',;:]*@[^\s<>()\"',;:]+|\"[^\"]*\"@\S+")


# The code after the code; what goes on after it is an IP address.
_ENHANCED = re.compile(r"5\d\d\W+(5\.\d{1,3}\.\d{1,3})\b(?!\.\d)")
# Bad mailbox, system, syntax, moved, no mail there. The other 5.1.x are about the sender, or vague.
_NO_SUCH_ADDRESS = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
_WHO = r"(?:user|mailbox|recipient|account)"
_NOBODY = re.compile(
    rf"\b(?:no such|unknown|invalid) (?:local )?{_WHO}\b"
    rf"|\b{_WHO}\W+(?:\(address\)\W+)?(?:is )?"
    r"(?:unknown|not found|not known|does(?: not|n't) exist)",
    re.IGNORECASE,
)


class Result(StrEnum):
    """What became of a message."""

    ACCEPTED = "accepted"
    # For good: trying again would be asking the same question.
    REFUSED = "refused"
    # Not now, or nobody knows.
    LATER = "later"
    # Nothing was sent: what it told of is not to be told any more.
    NEEDLESS = "needless"


class Said(NamedTuple):
    """What became of a message, and why in words that hold no address."""

    result: Result
    words: str
    # The server's code, if it gave one.
    code: int | None = None
    # Whether it refused the address for good: nobody reads mail there.
    no_such_address: bool = False


class Sender:
    """A connection to the mail server that is opened with the first message.

    Once the server could not be reached, it is not asked again by this sender: every further
    message has the same answer.
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
            # Everything that matters is said already.
            with suppress(SMTPException, OSError):
                await client.quit(timeout=5)
        client.close()

    async def send(self, message: EmailMessage, sender: str, to: str) -> Said:
        """Hand over one message; never raises for what a server or a network does."""
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
        # In a thread: it reads the system's certificates.
        one = self._server
        start_tls = {Encryption.STARTTLS: True, Encryption.OFFERED: None}.get(one.encryption, False)
        encrypted = one.encryption is not Encryption.NONE
        return aiosmtplib.SMTP(
            hostname=one.host,
            port=one.port,
            username=one.user,
            password=one.password,
            local_hostname=self._host,
            timeout=CONNECT_SECONDS,
            use_tls=one.encryption is Encryption.TLS,
            start_tls=start_tls,
            # The authorities that the system trusts, or SSL_CERT_FILE names; names are checked.
            tls_context=ssl.create_default_context() if encrypted else None,
        )

    def _cannot_connect(self, error: Exception) -> Said | None:
        """Say why there is no connection. Nothing here is the fault of a message: always later."""
        cause = _certificate_problem(error)
        if cause is not None:
            words = (
                f"The mail server's certificate cannot be trusted: {cause.verify_message}. Mend "
                "the certificate, or use the name that it is for in REJOINDER_SMTP_URL"
            )
        elif isinstance(error, SMTPAuthenticationError):
            words = (
                f"The mail server refuses user or password ({error.code} {error.message}). "
                "Check REJOINDER_SMTP_URL"
            )
        elif isinstance(error, SMTPResponseException):
            words = f"The mail server does not want to talk: {error.code} {error.message}"
        elif isinstance(error, SMTPServerDisconnected):
            words = "The mail server hung up before the first message"
        elif isinstance(error, TimeoutError):
            words = "The mail server does not answer in time. Check REJOINDER_SMTP_URL"
        elif isinstance(error, OSError | SMTPConnectError):
            words = "The mail server cannot be reached. Check that it runs, and REJOINDER_SMTP_URL"
        elif isinstance(error, SMTPException) and "STARTTLS" in error.message:
            words = (
                "The mail server offers no STARTTLS, so nothing was sent to it. Use smtps://, or "
                "?tls=none in REJOINDER_SMTP_URL if the way to it is safe"
            )
        elif isinstance(error, SMTPException):
            words = f"The mail server cannot be used: {error.message}"
        else:
            return None
        return Said(Result.LATER, without_addresses(words), getattr(error, "code", None))


def without_addresses(words: str) -> str:
    """Return what a server said as one line without control characters and addresses."""
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    return _ADDRESS.sub("(address)", line)[:500]


def _told(error: Exception) -> Said | None:
    if isinstance(error, SMTPRecipientsRefused):
        said = _told(error.recipients[0])
        return said and said._replace(no_such_address=_is_hard(said))
    if isinstance(error, SMTPNotSupported):
        words = "The mail server takes no international addresses (SMTPUTF8)"
        return Said(Result.REFUSED, words)
    if isinstance(error, SMTPSenderRefused) and error.code >= 500:
        # The site's own address: what is wrong is a setting, and no fault of this message.
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
    # Most refusals are about what we may do (relaying, reputation), not about whether the address
    # exists. The enhanced code says which (RFC 3463); without one, only plain words count.
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
    """Return how to greet the server: the site's host, an IP address in brackets (RFC 5321)."""
    host = urlsplit(site_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ascii_domain(host)
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
