"""Applies `migrations/*.sql`, each once, one migrator at a time."""

import logging
from pathlib import Path

from pogo_core.util import migrate

from db.pool import connect

MIGRATIONS = Path(__file__).parent / "migrations"

# It warns of every migration that it applies.
QUIET = logging.getLogger(__name__)
QUIET.setLevel(logging.ERROR)

# Held by the session for the whole run: each migration commits on its own.
LOCK = "select pg_advisory_lock(hashtext('sci migrate'))"


async def apply(database_url: str) -> None:
    """Bring the schema to the newest version; concurrent callers wait for each other.

    Raises `pogo_core.error.BadMigrationError` when a migration fails; that migration leaves nothing behind.
    """
    connection = await connect(database_url)
    try:
        await connection.execute(LOCK)
        await migrate.apply(connection, MIGRATIONS, schema_name="public", logger=QUIET)
    finally:
        await connection.close()
