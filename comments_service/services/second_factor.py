"""Second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

The stored data is useless without `REJOINDER_SECRET`: the app's secret is derived from it and a
random seed, and recovery codes are stored as keyed hashes.
"""

import base64
import hmac
import re
import secrets
from datetime import datetime

import pyotp
import segno
from sqlalchemy import Connection

from comments_service.domain.errors import Conflict, Invalid, NotFound
from comments_service.services.auth import LINK_GONE, keyed
from comments_service.store import second_factors, sign_in_links
from comments_service.store.database import Database
from comments_service.store.editors import Editor

CODES = 10
WRONG_CODE = "The code is not right, or was used already. Enter the one that your app shows now"

_STEP = 30
# Steps of 30 seconds around now that are accepted, for inexact clocks and slow typing (RFC 6238).
_DRIFT = (0, -1, 1)
_SEED = re.compile(r"[A-Za-z0-9_-]{43}")
_RECOVERY_DIGITS = 16


def new_seed() -> str:
    """Return a random seed for a new second factor."""
    return secrets.token_urlsafe(32)


def is_seed(text: str) -> bool:
    """Return whether a form's value has the format of a seed."""
    return _SEED.fullmatch(text) is not None


def secret_of(key: bytes, seed: str) -> str:
    """Return the secret for the app: 160 bits in base32, as RFC 4226 recommends."""
    return base64.b32encode(bytes.fromhex(keyed(key, "totp:" + seed))[:20]).decode()


def qr(app_secret: str, *, account: str, site_name: str) -> str:
    """Return an `<svg>` of the QR code for the app, dark on light in any colour scheme."""
    # The URI separates issuer and account by a colon.
    issuer = site_name.replace(":", " ")
    address = pyotp.TOTP(app_secret).provisioning_uri(name=account, issuer_name=issuer)
    picture: str = segno.make(address, error="m", micro=False).svg_inline(
        scale=5, dark="#000", light="#fff"
    )
    return picture


def step_of(key: bytes, seed: str, code: str, now: datetime) -> int | None:
    """Return the time step around `now` that has this code, or None."""
    totp = pyotp.TOTP(secret_of(key, seed))
    current = int(now.timestamp()) // _STEP
    typed = _digits(code)
    for step in (current + drift for drift in _DRIFT):
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode()):
            return step
    return None


def turn_on(
    db: Database, key: bytes, editor: Editor, *, seed: str, code: str, now: datetime
) -> list[str]:
    """Turn the second factor on if `code` is right; return the recovery codes.

    Recovery codes are stored as hashes, so they can be shown only now. Raises `Invalid` for a wrong
    code, and `Conflict` if a second factor is on already.
    """
    step = step_of(key, seed, code, now)
    if step is None:
        raise Invalid({"code": WRONG_CODE})
    codes = _new_codes()
    with db.write() as connection:
        if not second_factors.turn_on(connection, editor.id, seed, step):
            raise Conflict("Your second factor is on already. Turn it off before you change it.")
        second_factors.replace_codes(connection, editor.id, _hashes(key, editor.id, codes))
    return codes


def turn_off(db: Database, editor_id: int) -> None:
    """Turn the second factor off, so that the password alone is enough to sign in."""
    with db.write() as connection:
        second_factors.turn_off(connection, editor_id)


def renew_codes(db: Database, key: bytes, editor: Editor) -> list[str]:
    """Replace the recovery codes; return the new ones, which can be shown only now."""
    codes = _new_codes()
    with db.write() as connection:
        second_factors.replace_codes(connection, editor.id, _hashes(key, editor.id, codes))
    return codes


def is_recovery_code(code: str) -> bool:
    """Return whether a typed code has the length of a recovery code; codes of apps are shorter."""
    return len(_digits(code)) == _RECOVERY_DIGITS


def use(
    db: Database, key: bytes, editor: Editor, code: str, *, now: datetime, link: str | None = None
) -> bool:
    """Use a code of the app or a recovery code; return whether it was right. Each works once.

    `link` is the hash of the one-time link of this sign-in, which is deleted together with the
    code. Raises `NotFound` if the link was used in the meantime; the code stays valid then.
    """
    if editor.totp_secret is None:
        return False
    with db.write() as connection:
        if is_recovery_code(code):
            is_right = _use_recovery(connection, key, editor.id, code)
        else:
            step = step_of(key, editor.totp_secret, code, now)
            is_right = step is not None and second_factors.use_step(connection, editor.id, step)
        if is_right and link is not None and not sign_in_links.use(connection, link):
            raise NotFound(LINK_GONE)
        return is_right


def codes_left(db: Database, editor: Editor) -> int:
    """Return the number of unused recovery codes."""
    with db.read() as connection:
        return second_factors.codes_left(connection, editor.id)


def _use_recovery(connection: Connection, key: bytes, editor_id: int, code: str) -> bool:
    [code_hash] = _hashes(key, editor_id, [code])
    return second_factors.use_code(connection, editor_id, code_hash)


def _new_codes() -> list[str]:
    # Digits only, so that phones can show their number pad.
    drawn = (secrets.randbelow(10**_RECOVERY_DIGITS) for _ in range(CODES))
    return ["-".join(re.findall("....", f"{number:0{_RECOVERY_DIGITS}d}")) for number in drawn]


def _hashes(key: bytes, editor_id: int, codes: list[str]) -> list[str]:
    return [keyed(key, f"recovery:{editor_id}:{_digits(code)}") for code in codes]


def _digits(code: str) -> str:
    return re.sub(r"[\s-]+", "", code)
