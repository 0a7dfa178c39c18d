"""The steps that bring the database of an earlier version up to this one, taken by whichever server starts first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError

from lmc_core.errors import SettingError
from lmc_core.runs.keep.tables import alone

NEWEST = "0008"
"""The last of `versions`: a database that says so needs no step, and Alembic is not loaded."""


def upgrade(database: sql.Engine) -> None:
    """Take the steps that a database lacks, all or none; others who start meanwhile wait, and find them taken.

    Raises SettingError if a newer version of this program has changed the database.
    """
    if _version(database) == NEWEST:
        return
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    scripts = ScriptDirectory.from_config(config)

    def steps(version: Any, _: Any) -> Any:
        return scripts._upgrade_revs("head", version)

    with alone(database) as connection, EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        try:
            environment.run_migrations()
        except CommandError:
            raise SettingError(
                f"the database at {database.url.render_as_string()} was changed by a newer version of this program; "
                "start that version, or set LMC_DATABASE_URL to another database"
            ) from None


def _version(database: sql.Engine) -> str | None:
    """Which step was taken last; None before the first."""
    try:
        with database.connect() as connection:
            return str(connection.scalar(sql.text("SELECT version_num FROM alembic_version")))
    except DBAPIError:
        return None
