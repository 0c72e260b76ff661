"""A whole database out of Postgres and into it again, with Postgres's own tools."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from db.index import installation
from db.local.directory import LocalError
from db.local.postgres import program
from db.postgres.pool import connect

# Everything in the schema, so that nothing of a newer version stays beside what an older one brings.
EMPTY = """
do $$
declare statement text;
begin
    for statement in
        -- Sequences go with the columns that they number.
        select format('drop %s if exists public.%I cascade',
                      case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, relname)
        from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
    loop
        execute statement;
    end loop;
    for statement in
        select format('drop routine if exists %s cascade', oid::regprocedure)
        from pg_proc
        where pronamespace = 'public'::regnamespace
    loop
        execute statement;
    end loop;
    for statement in
        select format('drop type if exists public.%I cascade', typname)
        from pg_type
        where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')
    loop
        execute statement;
    end loop;
end $$
"""

HAS_EDITIONS = "select exists (select from edition)"


async def backup(database_url: str, file: Path) -> int:
    """Write the whole database, as it is at one instant, into a new *file*; its size in bytes.

    Raises LocalError, and leaves no half of a file.
    """
    with _half_of(file) as half:
        await _run("pg_dump", "--format=custom", "--no-owner", f"--file={half}", f"--dbname={database_url}")
    return _size(file)


async def restore(database_url: str, file: Path, *, replace: bool) -> None:
    """Put the content of *file* in place of everything in the database, under a new epoch, in one transaction.

    Raises LocalError for a database that holds editions, unless *replace*, and for a file that is no backup.
    """
    _size(file)
    if not replace and await _holds_data(database_url):
        raise LocalError("this database holds data, which a restore would replace: --replace says that it may")
    with tempfile.TemporaryDirectory() as folder:
        script = f"{folder}/restore.sql"
        await _run("pg_restore", "--no-owner", "--exit-on-error", f"--file={script}", str(file))
        words = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--dbname={database_url}"]
        await _run("psql", *words, f"--command={EMPTY}", f"--file={script}", f"--command={installation.RENEW}")


@contextmanager
def _half_of(file: Path) -> Iterator[Path]:
    """A file beside *file* that takes its name when the block succeeds."""
    if file.exists():
        raise LocalError(f"{file} exists: name another file, or remove it first")
    half = file.with_name(f"{file.name}.part")
    try:
        half.touch(mode=0o600)
        yield half
        half.rename(file)
    except OSError as error:
        raise LocalError(f"cannot write {file}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise LocalError(f"cannot read {file}: {error.strerror}") from error


async def _holds_data(database_url: str) -> bool:
    connection = await connect(database_url)
    try:
        if await connection.fetchval("select to_regclass('public.edition') is null"):
            return False
        return bool(await connection.fetchval(HAS_EDITIONS))
    finally:
        await connection.close()


async def _run(name: str, *arguments: str) -> None:
    """A tool of Postgres's, to its end; LocalError with the last line that it said when it fails."""
    process = await asyncio.create_subprocess_exec(
        program(name), *arguments, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode(errors="replace").splitlines() or ["it said nothing"]
        raise LocalError(f"{name} failed: {lines[0]}")
