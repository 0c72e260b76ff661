"""`sci doctor`: whether this installation has what it needs, one line a check."""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import typer

from api.cli.console import DataDir, settings_of, with_database_url
from db import local
from db.local import LocalError
from db.postgres import migrate
from db.postgres.pool import connect
from db.redis import REDIS_AWAY, EvictionError, check_eviction, connect_redis
from db.settings import Settings
from db.version import VERSION

LEAST_FREE_BYTES = 2**30
MOST_CLOCK_SECONDS = 2.0
LEAST_POSTGRES = 150000


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it is well, and what was seen."""

    name: str
    is_well: bool
    seen: str


def doctor(data_dir: DataDir = None) -> None:
    """Check versions, settings, disk, database, clock, migrations, Redis and orphans; exit 1 when one is not well."""
    settings = settings_of(data_dir)
    checks = [Check("settings", True, "every one is in its bounds"), *_here(settings)]

    async def run(database_url: str) -> list[Check]:
        return [check async for check in _database(database_url)]

    checks += with_database_url(data_dir, run)
    checks.append(asyncio.run(_redis(settings)))
    for check in checks:
        typer.echo(f"{'ok  ' if check.is_well else 'FAIL'}  {check.name}: {check.seen}")
    if not all(check.is_well for check in checks):
        raise typer.Exit(1)


def _here(settings: Settings) -> list[Check]:
    python = ".".join(map(str, sys.version_info[:3]))
    path = settings.data_dir.resolve()
    folder = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(folder).free
    checks = [
        Check("versions", True, f"sci {VERSION}, Python {python}"),
        Check("disk", free >= LEAST_FREE_BYTES, f"{free / 2**30:.1f} GiB free in {folder}"),
    ]
    if settings.database_url is None:
        orphan = local.orphan_of(settings.data_dir)
        seen = "none" if orphan is None else f"Postgres {orphan} runs without its `sci up`; the next one takes it over"
        checks.append(Check("orphans", orphan is None, seen))
    return checks


async def _database(database_url: str) -> AsyncIterator[Check]:
    connection = await connect(database_url)
    try:
        number = int(await connection.fetchval("show server_version_num"))
        yield Check("postgres", number >= LEAST_POSTGRES, await connection.fetchval("show server_version"))
        before = time.time()
        theirs = float(await connection.fetchval("select extract(epoch from clock_timestamp())::double precision"))
        offset = theirs - (before + time.time()) / 2
        yield Check("clock", abs(offset) <= MOST_CLOCK_SECONDS, f"{offset:+.2f} s between this machine and Postgres")
        missing = await migrate.missing(connection)
        seen = f"run `sci migrate` for {', '.join(missing)}" if missing else "none is missing"
        yield Check("migrations", not missing, seen)
    finally:
        await connection.close()


async def _redis(settings: Settings) -> Check:
    is_own = settings.redis_url is None
    try:
        url = settings.redis_url or local.redis_url(settings.data_dir)
        client = connect_redis(settings.model_copy(update={"redis_url": url}))
    except LocalError as error:
        return Check("redis", False, str(error))
    try:
        info = await client.info("server")
        await check_eviction(client)
    except EvictionError as error:
        return Check("redis", False, str(error))
    except REDIS_AWAY as error:
        return Check("redis", is_own, "not running, as before `sci up`" if is_own else f"does not answer: {error}")
    finally:
        await client.aclose()
    name = info.get("server_name", "redis")
    return Check("redis", True, f"{name} {info.get(f'{name}_version', info['redis_version'])}, evicts nothing")
