"""`sci backup` and `sci restore`: the whole database out and in."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import DataDir, errors, with_database_url
from db.local import dump

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, in the format of pg_dump.")]


def backup(file: File, data_dir: DataDir = None) -> None:
    """Write the whole database, as it is at one instant, into a new file."""

    async def run(database_url: str) -> int:
        return await dump.backup(database_url, file)

    with errors.status("writing"):
        size = with_database_url(data_dir, run)
    typer.echo(f"{file}: {size} bytes")


def restore(
    file: File,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the database holds.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Put a backup into an empty database, all of it or nothing."""

    async def run(database_url: str) -> None:
        await dump.restore(database_url, file, replace=replace)

    with errors.status("restoring"):
        with_database_url(data_dir, run, is_new=True)
    typer.echo(f"{file} restored; `sci migrate` brings it to the newest schema, and so does `sci up`")
