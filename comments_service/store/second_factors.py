"""Queries about second factors: TOTP secrets, used time steps and hashed recovery codes."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from comments_service.store.tables import editor, recovery_code


def turn_on(connection: Connection, editor_id: int, seed: str, step: int) -> bool:
    """Store a TOTP secret; the code of `step` counts as used. False if there is one already."""
    mine = update(editor).where(editor.c.id == editor_id, editor.c.totp_secret.is_(None))
    return connection.execute(mine.values(totp_secret=seed, totp_step=step)).rowcount == 1


def turn_off(connection: Connection, editor_id: int) -> None:
    """Delete the second factor and its recovery codes."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(totp_secret=None, totp_step=None)
    )
    replace_codes(connection, editor_id, [])


def use_step(connection: Connection, editor_id: int, step: int) -> bool:
    """Mark the code of that step as used; False if it, or a later one, was used before."""
    unused = or_(editor.c.totp_step.is_(None), editor.c.totp_step < step)
    mine = update(editor).where(editor.c.id == editor_id, unused).values(totp_step=step)
    return connection.execute(mine).rowcount == 1


def replace_codes(connection: Connection, editor_id: int, hashes: Iterable[str]) -> None:
    """Replace all recovery codes, given as hashes."""
    connection.execute(delete(recovery_code).where(recovery_code.c.editor_id == editor_id))
    rows = [{"code_hash": code_hash, "editor_id": editor_id} for code_hash in hashes]
    if rows:
        connection.execute(insert(recovery_code), rows)


def use_code(connection: Connection, editor_id: int, code_hash: str) -> bool:
    """Use a recovery code; False if it is not valid, or was used before."""
    mine = delete(recovery_code).where(
        recovery_code.c.editor_id == editor_id, recovery_code.c.code_hash == code_hash
    )
    return connection.execute(mine).rowcount == 1


def codes_left(connection: Connection, editor_id: int) -> int:
    """Return the number of unused recovery codes."""
    query = select(func.count()).select_from(recovery_code)
    return connection.execute(query.where(recovery_code.c.editor_id == editor_id)).scalar_one()
