"""What the commands of `sci` have in common: settings, the database they work on, and one line for a failure."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pogo_core.error import BadMigrationError
from pydantic import ValidationError
from rich.console import Console

from api.cli.supervisor import ChildError
from db import local
from db.dataset import load
from db.dataset.csv_table import DatasetError
from db.dataset.score_sheet import RefusedSheetError
from db.local import LocalError
from db.postgres import migrate
from db.postgres.pool import AWAY, TURNED_AWAY, Pool, close, connect, create_pool
from db.redis import EvictionError
from db.settings import Settings, unknown_variables, variable

T = TypeVar("T")


class MigrationError(Exception):
    """The database is older than this program."""


EXPECTED = (
    LocalError,
    ChildError,
    MigrationError,
    BadMigrationError,
    DatasetError,
    load.LoadError,
    RefusedSheetError,
    EvictionError,
    LookupError,
    *TURNED_AWAY,
)

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


def _folder(value: str) -> Path:
    if not value:
        raise typer.BadParameter("it is the path of a folder and must not be empty")
    return Path(value)


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        parser=_folder,
        metavar="FOLDER",
        help="Folder of this installation; SCI_DATA_DIR or .sci when left out.",
    ),
]


def settings_of(data_dir: Path | None) -> Settings:
    """The settings of the environment; a line for each that is wrong, and exit 1."""
    problems = [
        f"{name} is not a setting" + (f"; did you mean {resembled}?" if resembled else "")
        for name, resembled in unknown_variables(os.environ).items()
    ]
    try:
        settings = Settings() if data_dir is None else Settings(data_dir=data_dir)
    except ValidationError as error:
        problems += [
            f"{_variable(problem['loc'][0])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        ]
    if problems:
        fail(*problems)
    return settings


def _variable(location: int | str) -> str:
    """The variable of the first part of a problem's location, which is a field's name or its alias."""
    name = str(location)
    return variable(name) if name in Settings.model_fields else name


def production(data_dir: Path | None) -> Settings:
    """The settings of one process of a whole, which starts no servers of its own and migrates nothing.

    A database that does not answer now may do so later, so only what it says counts.
    """
    settings = settings_of(data_dir)
    if settings.database_url is None or settings.redis_url is None:
        fail("DATABASE_URL and REDIS_URL must be set; `sci up` runs everything with servers of its own")
    database_url = settings.database_url

    async def check() -> None:
        with suppress(*AWAY):
            await _check_migrations(database_url, timeout=settings.lock_timeout_seconds)

    answer(lambda: asyncio.run(check()))
    return settings


def become(arguments: list[str]) -> NoReturn:
    """Go on as another program, so that signals reach it and nothing of this one is left."""
    os.execv(arguments[0], arguments)  # noqa: S606 - our own programs


def with_database(data_dir: Path | None, run: Callable[[Pool], Awaitable[T]]) -> T:
    """What *run* gives on the database of the settings, or this installation's own, which has every migration."""
    settings = settings_of(data_dir)

    async def main() -> T:
        async with _existing_database(settings) as database_url:
            await _check_migrations(database_url)
            pool = await create_pool(database_url, settings, "command")
            try:
                return await run(pool)
            finally:
                await close(pool)

    return answer(lambda: asyncio.run(main()))


def with_database_url(data_dir: Path | None, run: Callable[[str], Awaitable[T]], *, is_new: bool = False) -> T:
    """What *run* gives with the URL of that database, whatever is in it; *is_new* makes one where there is none."""
    settings = settings_of(data_dir)

    async def main() -> T:
        async with (local.database if is_new else _existing_database)(settings) as database_url:
            return await run(database_url)

    return answer(lambda: asyncio.run(main()))


@asynccontextmanager
async def _existing_database(settings: Settings) -> AsyncIterator[str]:
    """The database of the settings, never a new one in a folder that somebody mistyped."""
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        raise LocalError(
            f"there is no installation in {settings.data_dir}: make one with `sci up` or `sci migrate`, "
            "or name its folder with --data-dir or its database with DATABASE_URL"
        )
    async with local.database(settings) as database_url:
        yield database_url


async def _check_migrations(database_url: str, **options: Any) -> None:
    connection = await connect(database_url, **options)
    try:
        missing = await migrate.missing(connection)
    finally:
        await connection.close()
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise MigrationError(f"the database lacks the migration {missing[0]}{more}: run `sci migrate` first")


def answer(do: Callable[[], T]) -> T:
    """What *do* gives; an expected failure ends the command with one line."""
    try:
        return do()
    except (*EXPECTED, *AWAY) as error:
        fail(str(error) or type(error).__name__)


def fail(*messages: str) -> NoReturn:
    """Print a line for each message, and exit 1."""
    for message in messages:
        errors.print(f"sci: {message}")
    raise typer.Exit(1)
