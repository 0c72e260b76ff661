"""What the commands of `sci` have in common: settings, the database they work on, and one line for a failure."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from api.cli.supervisor import ChildError
from db import local
from db.dataset import load
from db.dataset.csv_table import DatasetError
from db.dataset.score_sheet import RefusedSheetError
from db.local import LocalError
from db.postgres import migrate
from db.postgres.pool import AWAY, Pool, close, create_pool
from db.settings import Settings, unknown_variables, variable

T = TypeVar("T")

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
    """The settings of one process of a whole; it starts no servers of its own."""
    settings = settings_of(data_dir)
    if settings.database_url is None or settings.redis_url is None:
        fail("DATABASE_URL and REDIS_URL must be set; `sci up` runs everything with servers of its own")
    return settings


def become(arguments: list[str]) -> NoReturn:
    """Go on as another program, so that signals reach it and nothing of this one is left."""
    os.execv(arguments[0], arguments)  # noqa: S606 - our own programs


def with_database(data_dir: Path | None, run: Callable[[Pool], Awaitable[T]]) -> T:
    """What *run* gives on a migrated database: the settings' or this installation's own."""
    settings = settings_of(data_dir)

    async def main() -> T:
        async with local.database(settings) as database_url:
            await migrate.apply(database_url)
            pool = await create_pool(database_url, settings, "command")
            try:
                return await run(pool)
            finally:
                await close(pool)

    return answer(lambda: asyncio.run(main()))


def answer(do: Callable[[], T]) -> T:
    """What *do* gives; an expected failure ends the command with one line."""
    try:
        return do()
    except (LocalError, ChildError, DatasetError, load.LoadError, RefusedSheetError, LookupError, *AWAY) as error:
        fail(str(error) or type(error).__name__)


def fail(*messages: str) -> NoReturn:
    """Print a line for each message, and exit 1."""
    for message in messages:
        errors.print(f"sci: {message}")
    raise typer.Exit(1)
