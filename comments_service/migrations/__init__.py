"""Schema changes, applied in order by `rejoinder migrate` (and by `rejoinder serve` at start)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from comments_service.store import database_file


def upgrade(engine: Engine, var: Path | None = None) -> None:
    """Bring the database up to the newest schema; changes nothing when it is there already.

    Creates a SQLite file that does not exist, readable by its owner only; `var` is the folder of
    the built pages, which others must be able to reach.
    """
    if (file := database_file.path_of(engine.url)) is not None:
        database_file.create(file, var)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
