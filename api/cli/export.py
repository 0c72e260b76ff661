"""`sci export`: an edition as the files of a dataset."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import DataDir, with_database
from db.dataset import export as exporting
from db.postgres.pool import Pool


def export(
    edition: Annotated[int, typer.Argument(metavar="EDITION", help="Year.")],
    to: Annotated[Path | None, typer.Option(help="Folder to write; edition-YEAR when left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write an edition as the CSV files of a dataset."""
    folder = to or Path(f"edition-{edition}")

    async def run(pool: Pool) -> None:
        await exporting.export(pool, edition, folder)

    with_database(data_dir, run)
    typer.echo(f"{folder}")
