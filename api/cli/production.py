"""`sci serve`, `sci worker` and `sci relay`: one process each, for production."""

from typing import Annotated

import typer

from api.cli import command
from api.cli.console import DataDir, answer, become, production


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    fd: Annotated[int | None, typer.Option(help="Listening socket inherited from the caller instead.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run one API process."""
    from api import server  # noqa: PLC0415 - a second of imports that no other command needs

    settings = production(data_dir)
    answer(lambda: server.serve(settings, host, port, fd))


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="Children that compute side by side.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """Run one Celery worker."""
    settings = production(data_dir)
    become(command.worker(concurrency, settings.log_level))


def relay(data_dir: DataDir = None) -> None:
    """Run one relay: it hands requests for rankings from the database to the workers."""
    production(data_dir)
    become(command.relay())
