"""Migrations: applied once, in order, by however many starters."""

import asyncio
import importlib
import pkgutil
import re
from io import BytesIO
from pathlib import Path
from shutil import copy

import pytest
from pogo_core.error import BadMigrationError

import db
from db import local
from db.postgres import migrate
from db.postgres.pool import Pool, connect, create_pool, transaction
from db.ranking import rebuild
from db.settings import Settings
from tests.api.schema.test_submission import payment, submit
from tests.conftest import TOKEN_SECRET, Api, create_database, rank_all

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
        for module in pkgutil.walk_packages(db.__path__, "db.")
        for name, text in vars(importlib.import_module(module.name)).items()
        if name.isupper() and isinstance(text, str) and STATEMENT.match(text)
    }
    assert len(statements) > 40
    async with pool.acquire() as connection:
        for name, text in statements.items():
            assert await connection.prepare(text), name


FILLED = ("city", "edition", "member", "measure", "submission", "score", "score_change", "published", "dataset_load")


async def test_every_migration_on_a_filled_database(servers: Path, pool: Pool, tmp_path: Path) -> None:
    """Filled as the first version left it; what the last one makes of it can be read, changed and ranked."""
    url = await create_database(servers, "template0")
    scripts = sorted(migrate.MIGRATIONS.iterdir())
    first = tmp_path / "first"
    first.mkdir()
    copy(scripts[0], first)
    await migrate.apply(url, first)
    await _fill(url, pool)
    for count in range(2, len(scripts) + 1):
        until = tmp_path / str(count)
        until.mkdir()
        for script in scripts[:count]:
            copy(script, until)
        await migrate.apply(url, until)
    settings = Settings(database_url=url, redis_url=local.redis_url(servers), token_secret=TOKEN_SECRET)
    migrated = await create_pool(url, settings, "test")
    await rank_all(settings, migrated)
    async with transaction(migrated, "repeatable_read") as reader:
        report = await rebuild.rebuild(reader, None)
    assert (report.rebuilt, report.skipped, report.differences) == (((2024, 1), (2025, 1)), (), ())
    hashes = "select edition, input_hash from ranking where revision = 1 order by edition"
    assert await migrated.fetch(hashes) == await pool.fetch(hashes)
    await migrated.close()


async def _fill(url: str, pool: Pool) -> None:
    """Copy what the tables of the first version hold from a database of the newest."""
    target = await connect(url)
    for table in FILLED:
        rows = await target.fetch(
            """select column_name from information_schema.columns
               where table_name = $1 and table_schema = 'public' order by ordinal_position""",
            table,
        )
        columns = [row["column_name"] for row in rows]
        content = BytesIO()
        async with pool.acquire() as source:
            await source.copy_from_table(table, output=content, columns=columns)
        content.seek(0)
        await target.copy_to_table(table, source=content, columns=columns)
    await target.close()


async def test_a_migration_that_fails_leaves_the_version_before(servers: Path, tmp_path: Path) -> None:
    url = await create_database(servers, "template0")
    scripts = sorted(migrate.MIGRATIONS.iterdir())
    for script in scripts:
        copy(script, tmp_path)
    broken = "-- broken\n-- depends: {}\n\n-- migrate: apply\n\ncreate table half (id integer);\nselect 1 / 0;\n"
    last = scripts[-1].stem
    (tmp_path / "9999_broken.sql").write_text(broken.format(last) + "\n-- migrate: rollback\n")
    with pytest.raises(BadMigrationError):
        await migrate.apply(url, tmp_path)
    connection = await connect(url)
    assert await connection.fetchval("select to_regclass('half')") is None
    assert await connection.fetchval("select max(migration_id) from _pogo_migration") == last
    await connection.close()
    await migrate.apply(url)


async def test_an_api_serves_while_a_newer_version_expands_the_tables(api: Api, pool: Pool) -> None:
    """Every column is named, so a statement that was prepared before goes on as before."""
    query = """{ ranking(edition: 2025) { entry(city: "krefeld") { category(code: "administration") {
      indicators { provenance { source } } } } } edition(year: 2025) { revision recomputation { status } } }"""
    before = await api.data(query)
    for table in ("edition", "ranking", "score_change", "submission", "recomputation", "ranking_column"):
        await pool.execute(f"alter table {table} add column newer text not null default 'x'")
        assert await api.data(query) == before
    payload = await submit(api, [payment(3)])
    assert (payload["errors"], payload["submission"]["revision"]) == ([], 2)
