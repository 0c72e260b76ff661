"""`sci migrate`: the newest schema."""

import typer

from api.cli.console import DataDir, with_database_url
from db.postgres import migrate as migrations


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    with_database_url(data_dir, migrations.apply, is_new=True)
    typer.echo("migrations applied")
