"""Selects the columns of a row type by the names of its fields."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause


def columns_of(
    row: Any, *tables: FromClause, **others: ColumnElement[Any]
) -> list[ColumnElement[Any]]:
    """Return a labelled column for each field of the NamedTuple class `row`, in their order.

    A field is the column of that name in the first of `tables` that has one, unless `others`
    names another column. So a field is listed once, and rows are never matched by position with a
    list that is kept elsewhere. Raises `KeyError` for a field that is nowhere.
    """
    return [
        (others[name] if name in others else _column(name, tables)).label(name)
        for name in row._fields
    ]


def _column(name: str, tables: tuple[FromClause, ...]) -> ColumnElement[Any]:
    for table in tables:
        if name in table.c:
            return table.c[name]
    raise KeyError(f"no table has a column for the field {name!r}")
