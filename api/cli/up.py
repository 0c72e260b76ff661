"""`sci up`: the whole system on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import system
from api.cli.console import DataDir, answer, fail, settings_of
from db.dataset import dataset

BUNDLED = Path(dataset.__file__).parents[1] / "data"


def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    data_dir: DataDir = None,
    dataset_dir: Annotated[
        Path | None, typer.Option("--dataset", help="Folder to load on a first start, instead of the bundled data.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=1000, help="Processes that compute, side by side.")] = 1,
    api_processes: Annotated[int, typer.Option(min=1, max=1000, help="API processes on the one port.")] = 1,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    folder = dataset_dir or BUNDLED
    if not folder.is_dir():
        fail(f"{folder} is not a folder")
    settings = settings_of(data_dir)
    options = system.StartOptions(settings, host, port, workers, api_processes, lambda: dataset.read(folder))
    answer(lambda: system.run(options, typer.echo))
