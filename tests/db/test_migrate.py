"""Migrations: applied once, in order, by however many starters."""

import asyncio
import importlib
import pkgutil
import re
from pathlib import Path

import db
from db import migrate
from db.pool import Pool, connect
from tests.conftest import create_database

STATEMENT = re.compile(r"\s*(select|insert|update|delete|with)\b")


async def test_twenty_starters_at_once(servers: Path) -> None:
    url = await create_database(servers, "template0")
    await asyncio.gather(*(migrate.apply(url) for _ in range(20)))
    connection = await connect(url)
    applied = await connection.fetch("select migration_id from _pogo_migration order by applied, migration_id")
    await connection.close()
    assert [row["migration_id"] for row in applied] == sorted(path.stem for path in migrate.MIGRATIONS.iterdir())


async def test_every_statement_prepares_against_the_schema(pool: Pool) -> None:
    statements = {
        f"{module.name}.{name}": text
        for module in pkgutil.iter_modules(db.__path__, "db.")
        for name, text in vars(importlib.import_module(module.name)).items()
        if name.isupper() and isinstance(text, str) and STATEMENT.match(text)
    }
    assert len(statements) > 40
    async with pool.acquire() as connection:
        for name, text in statements.items():
            assert await connection.prepare(text), name
