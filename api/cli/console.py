"""What the commands of `sci` have in common: settings, the database they work on, and one line for a failure."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console

from api.cli.supervisor import ChildError
from db import local
from db.dataset import load
from db.dataset.csv_table import DatasetError
from db.dataset.score_sheet import RefusedSheetError
from db.local import LocalError
from db.postgres import migrate
from db.postgres.pool import AWAY, Pool, close, create_pool
from db.settings import Settings

T = TypeVar("T")

errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of this installation; SCI_DATA_DIR or .sci when left out."),
]


def settings_of(data_dir: Path | None) -> Settings:
    try:
        return Settings() if data_dir is None else Settings(data_dir=data_dir)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper()
            errors.print(f"sci: {name if name.endswith('_URL') else f'SCI_{name}'}: {problem['msg']}")
        raise typer.Exit(1) from error
    except SettingsError as error:
        fail(f"{error}: {error.__cause__}")


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


def fail(message: str) -> NoReturn:
    errors.print(f"sci: {message}")
    raise typer.Exit(1)
