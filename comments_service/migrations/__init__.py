"""Database migrations, run by `rejoinder migrate` and by `rejoinder serve` at start."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from comments_service.store import database_file


def upgrade(engine: Engine, var: Path | None = None) -> None:
    """Run all pending migrations; does nothing if the schema is current.

    A missing SQLite file is created, readable by its owner only. `var` is the folder of the built
    pages, which other users must be able to read. Raises `DBAPIError` and `OSError`.
    """
    if (file := database_file.path_of(engine.url)) is not None:
        database_file.create(file, var)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
