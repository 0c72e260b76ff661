"""`sci load`: a dataset into the tables."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import DataDir, answer, errors, with_database
from db.dataset import dataset
from db.dataset import load as loading
from db.postgres.pool import Pool


def load(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the files of a dataset.")],
    data_dir: DataDir = None,
) -> None:
    """Load a dataset: all of it or nothing. Loading it again changes nothing."""
    with errors.status("loading"):
        read = answer(lambda: dataset.read(folder))
        loaded = with_database(data_dir, lambda pool: _load(pool, read))
    for year, count in loaded.change_counts.items():
        typer.echo(f"{year}: {count} scores changed{', new revision' if year in loaded.advanced else ''}")


async def _load(pool: Pool, read: dataset.Dataset) -> loading.Loaded:
    return await loading.load(pool, read)
