"""The `sci` command: its name, its version and the list of its commands, each in the file of its name."""

from typing import Annotated

import typer

from api.cli.backup import backup, restore
from api.cli.doctor import doctor
from api.cli.export import export
from api.cli.figures import city, ranking
from api.cli.load import load
from api.cli.migrate import migrate
from api.cli.production import relay, serve, worker
from api.cli.schema import schema
from api.cli.status import status
from api.cli.submit import submit
from api.cli.token import token
from api.cli.up import up
from api.cli.verify import verify
from api.cli.watch import watch
from db.version import VERSION

COMMANDS = (
    up, token, migrate, load, export, submit, verify, schema, serve, worker, relay,
    status, ranking, city, watch, doctor, backup, restore,
)  # fmt: skip

# An error that is not expected is a bug: its traceback is for those who mend it, and stays plain.
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
for _command in COMMANDS:
    app.command(_command.__name__)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sci {VERSION}")
        raise typer.Exit


@app.callback()
def sci(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A composite index of cities over GraphQL."""


if __name__ == "__main__":
    app()
