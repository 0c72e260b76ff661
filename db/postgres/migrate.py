"""Applies `migrations/*.sql`, each once, one migrator at a time."""

import logging
from pathlib import Path

import asyncpg
from pogo_core.util import migrate

from db.postgres.pool import connect

MIGRATIONS = Path(__file__).parents[1] / "migrations"

# It warns of every migration that it applies.
QUIET = logging.getLogger(__name__)
QUIET.setLevel(logging.ERROR)

# Held by the session for the whole run: each migration commits on its own.
LOCK = "select pg_advisory_lock(hashtext('sci migrate'))"


# A change of a table waits behind whoever reads it, and everyone else behind the change: better to give up, to be
# tried again.
LOCK_TIMEOUT = "set lock_timeout = '5s'"


async def apply(database_url: str, migrations: Path = MIGRATIONS) -> None:
    """Bring the schema to the newest version; concurrent callers wait for each other.

    Raises `pogo_core.error.BadMigrationError` when a migration fails; that migration leaves nothing behind, and those
    before it stay.
    """
    connection = await connect(database_url)
    try:
        await connection.execute(LOCK)
        await connection.execute(LOCK_TIMEOUT)
        await migrate.apply(connection, migrations, schema_name="public", logger=QUIET)
    finally:
        await connection.close()


async def missing(connection: "asyncpg.Connection[asyncpg.Record]", migrations: Path = MIGRATIONS) -> list[str]:
    """The names of the migrations that this database has not got, oldest first; this changes nothing."""
    names = _names(migrations)
    if await connection.fetchval("select to_regclass('public._pogo_migration') is null"):
        return names
    applied = {row["migration_id"] for row in await connection.fetch("select migration_id from public._pogo_migration")}
    return [name for name in names if name not in applied]


def _names(migrations: Path) -> list[str]:
    return sorted(path.stem for path in migrations.glob("*.sql"))
