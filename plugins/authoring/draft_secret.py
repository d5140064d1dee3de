"""Unguessable addresses of drafts, made of slug and secret, the same in each build."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from .errors import AuthoringError
from .renamed_settings import setting

NAME = "draft.secret"
# The name that the file had before; it is renamed when it is found.
OLD_NAME = "desk.secret"
SETTING = "REJOINDER_DRAFT_SECRET"
SHORTEST = 32


def key_of(environ: Mapping[str, str], var: Path) -> bytes:
    """Return REJOINDER_DRAFT_SECRET, or the content of draft.secret in `var`, made once.

    Machines that build the same site need the same one. Raises AuthoringError.
    """
    given = str(setting(environ, SETTING, "")).strip()
    path = var / NAME
    try:
        secret = given or _kept(path)
    except OSError as error:
        raise AuthoringError(f"{path} cannot be used ({error.strerror}); set {SETTING}") from error
    if len(secret) < SHORTEST:
        raise AuthoringError(
            f"{SETTING if given else path} has fewer than {SHORTEST} characters; "
            "set that many random ones"
        )
    return secret.encode()


def preview(key: bytes, kind: str, slug: str) -> str:
    """Return the unguessable part of a draft's address: 32 letters and digits."""
    return hmac.digest(key, f"draft\0{kind}\0{slug}".encode(), "sha256").hex()[:32]


def _kept(path: Path) -> str:
    if not path.exists():
        with suppress(FileNotFoundError):
            path.with_name(OLD_NAME).rename(path)
    with suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # Of two builds that come here at once, the first one's secret stays.
        with suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    return path.read_text("ascii").strip()
