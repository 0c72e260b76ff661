"""The commands that show and move what is in the database, beside a running system and without one."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import pytest

from db import local
from db.index import installation
from db.local import dump
from db.postgres import migrate
from db.postgres.pool import connect
from db.settings import Settings
from db.version import VERSION
from tests.conftest import create_database
from tests.paths.conftest import System, environment, sci


async def test_what_stands_where_and_what_is_well(system: System) -> None:
    data_dir = ("--data-dir", system.data_dir)
    shown, told, checked, version = await asyncio.gather(
        sci("status", *data_dir), sci("status", "--json", *data_dir), sci("doctor", *data_dir), sci("--version")
    )
    status = json.loads(told.output)
    newest = status["editions"][-1]
    assert (newest["year"], newest["ranked_revision"]) == (2025, newest["revision"])
    assert {each["role"] for each in status["heartbeats"]} == {"worker", "relay"}
    assert f" 2025     {newest['revision']} " in shown.output
    names = ["settings", "versions", "disk", "orphans", "postgres", "clock", "migrations", "redis"]
    assert [line.split()[1].rstrip(":") for line in checked.output.splitlines()] == names
    assert (checked.status, "FAIL" in checked.output) == (0, False)
    assert version.output == f"sci {VERSION}\n"


async def test_figures_in_the_terminal(system: System) -> None:
    query = '{ ranking(edition: 2025) { topTen { rank score city { name } } } city(slug: "bonn") { result { rank } } }'
    data_dir = ("--data-dir", system.data_dir)
    ranking, city, unranked, unknown = await asyncio.gather(
        sci("ranking", "2025", "--top", "10", *data_dir), sci("city", "bonn", *data_dir),
        sci("ranking", "2019", *data_dir), sci("city", "nowhere", *data_dir),
    )  # fmt: skip
    answer = await system.query(query)
    heading, _, *rows = ranking.output.splitlines()
    assert heading.startswith("2025, revision ")
    found = [(rank, " ".join(name), score) for rank, *name, score, _ in map(str.split, rows)]
    top_ten = answer["ranking"]["topTen"]
    assert found == [(str(row["rank"]), row["city"]["name"], f"{row['score']:.2f}") for row in top_ten]
    overall = next(line for line in city.output.splitlines() if "overall" in line)
    assert int(overall.split()[0]) == answer["city"]["result"]["rank"]
    assert (unranked.status, unranked.errors) == (1, "sci: edition 2019 has no ranking\n")
    assert (unknown.status, unknown.errors) == (1, "sci: there is no city 'nowhere'\n")


async def test_rankings_are_watched(system: System) -> None:
    before = await system.ranked((await system.submit(90, await system.token()))["id"])
    watching = asyncio.create_task(sci("watch", "--url", system.url, "--edition", "2025", "--count", "1"))
    shown = await watching
    assert (shown.status, shown.output.split(":")[0]) == (0, f"2025, revision {before}")
    refused = await sci("watch", "--url", f"{system.url}nowhere")
    assert (refused.status, refused.output, "the answer is 404" in refused.errors) == (1, "", True)


async def test_a_database_that_turns_away_is_one_line(servers: Path) -> None:
    url = local.database_url(servers)
    wrong = [url.replace("/sci?", "/nowhere?"), url.replace("sci@", "stranger@"), "postgresql://127.0.0.1:1/sci"]
    for finished in await asyncio.gather(*(sci("status", DATABASE_URL=each) for each in wrong)):
        assert (finished.status, finished.output, finished.errors.count("\n")) == (1, "", 1)
        assert re.search("nowhere.*does not exist|stranger.*does not exist|Connect call failed", finished.errors)


async def test_exit_codes_tell_misunderstood_and_interrupted() -> None:
    assert (await sci("up", "--port", "many")).status == 2
    arguments = [sys.executable, "-m", "api.cli.main", "watch", "--url", "http://127.0.0.1:1/"]
    watching = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.PIPE, env=environment())
    assert watching.stderr is not None
    assert b"does not answer" in await watching.stderr.readline()
    watching.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        assert (await watching.wait(), await watching.stderr.read()) == (130, b"")


async def test_a_backup_comes_back(settings: Settings, servers: Path, tmp_path: Path) -> None:
    assert settings.database_url is not None
    file = tmp_path / "backup.dump"
    assert await dump.backup(settings.database_url, file) > 10_000
    assert (file.stat().st_mode & 0o777, [path.name for path in _files(tmp_path)]) == (0o600, ["backup.dump"])
    with pytest.raises(local.LocalError, match="exists: name another file"):
        await dump.backup(settings.database_url, file)
    before = await _content(settings.database_url)
    empty = await create_database(servers, "template0")
    await dump.restore(empty, file, replace=False)
    assert await _content(empty) == before
    assert await _epoch(empty) != await _epoch(settings.database_url)

    await _execute(settings.database_url, "delete from outbox; create table newer (edition integer references edition)")
    await _execute(settings.database_url, "update city set name = 'changed'")
    with pytest.raises(local.LocalError, match="holds data, which a restore would replace: --replace"):
        await dump.restore(settings.database_url, file, replace=False)
    broken = tmp_path / "broken.dump"
    broken.write_bytes(file.read_bytes()[:-3000])
    changed = await _content(settings.database_url)
    with pytest.raises(local.LocalError, match="failed: "):
        await dump.restore(settings.database_url, broken, replace=True)
    assert await _content(settings.database_url) == changed
    epoch = await _epoch(settings.database_url)
    await dump.restore(settings.database_url, file, replace=True)
    assert await _content(settings.database_url) == before
    assert await _epoch(settings.database_url) != epoch
    assert await _missing(settings.database_url) == []


async def test_only_two_commands_migrate(servers: Path) -> None:
    url = await create_database(servers, "template0")
    names = await _missing(url)
    assert names == sorted(path.stem for path in _files(migrate.MIGRATIONS) if path.suffix == ".sql")
    words = f"sci: the database lacks the migration {names[0]} and {len(names) - 1} more: run `sci migrate` first\n"
    both = {"DATABASE_URL": url, "REDIS_URL": local.redis_url(servers)}
    commands = [["verify"], ["load", str(migrate.MIGRATIONS.parent / "data")], ["serve"], ["worker"], ["relay"]]
    for finished in await asyncio.gather(*(sci(*command, **both) for command in commands)):
        assert (finished.status, finished.output, finished.errors) == (1, "", words)
    assert await _missing(url) == names
    assert (await sci("migrate", **both)).output == "migrations applied\n"
    assert await _missing(url) == []
    assert (await sci("verify", **both)).output == "no edition with a ranking: 0 rows compared, none off\n"


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def _execute(url: str, statements: str) -> None:
    connection = await connect(url)
    await connection.execute(statements)
    await connection.close()


async def _epoch(url: str) -> str:
    connection = await connect(url)
    try:
        return await installation.epoch(connection)
    finally:
        await connection.close()


async def _missing(url: str) -> list[str]:
    connection = await connect(url)
    try:
        return await migrate.missing(connection)
    finally:
        await connection.close()


async def _content(url: str) -> dict[str, str]:
    """A digest of the rows of every table."""
    connection = await connect(url)
    try:
        query = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        names = [row["relname"] for row in await connection.fetch(query)]
        # Its epoch is another one after a restore.
        digests = {
            name: await connection.fetchval(
                f"select md5(coalesce(string_agg(t::text, chr(10) order by t::text), '')) from {name} t"
            )
            for name in names
            if name != "installation"
        }
    finally:
        await connection.close()
    return digests
