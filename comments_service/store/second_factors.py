"""Second factors: the seed of the codes, the step that was used last, recovery codes hashed."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from comments_service.store.tables import editor, recovery_code


def turn_on(connection: Connection, editor_id: int, seed: str, step: int) -> bool:
    """Store a second factor whose code of `step` was just shown; False if there is one already."""
    mine = update(editor).where(editor.c.id == editor_id, editor.c.totp_secret.is_(None))
    return connection.execute(mine.values(totp_secret=seed, totp_step=step)).rowcount == 1


def turn_off(connection: Connection, editor_id: int) -> None:
    """Forget the second factor and its recovery codes."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(totp_secret=None, totp_step=None)
    )
    replace_codes(connection, editor_id, [])


def use_step(connection: Connection, editor_id: int, step: int) -> bool:
    """Record that the code of that step was used; False if it, or a later one, was used before."""
    unused = or_(editor.c.totp_step.is_(None), editor.c.totp_step < step)
    mine = update(editor).where(editor.c.id == editor_id, unused).values(totp_step=step)
    return connection.execute(mine).rowcount == 1


def replace_codes(connection: Connection, editor_id: int, hashes: Iterable[str]) -> None:
    """Store fresh recovery codes; the older ones are of no more use."""
    connection.execute(delete(recovery_code).where(recovery_code.c.editor_id == editor_id))
    rows = [{"code_hash": one, "editor_id": editor_id} for one in hashes]
    if rows:
        connection.execute(insert(recovery_code), rows)


def use_code(connection: Connection, editor_id: int, code_hash: str) -> bool:
    """Use a recovery code up; False if it is none, or was used before."""
    mine = delete(recovery_code).where(
        recovery_code.c.editor_id == editor_id, recovery_code.c.code_hash == code_hash
    )
    return connection.execute(mine).rowcount == 1


def codes_left(connection: Connection, editor_id: int) -> int:
    """Return how many recovery codes were not used yet."""
    query = select(func.count()).select_from(recovery_code)
    return connection.execute(query.where(recovery_code.c.editor_id == editor_id)).scalar_one()
