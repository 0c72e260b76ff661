"""`sci schema`: the GraphQL schema."""

import typer


def schema() -> None:
    """Print the GraphQL schema."""
    from api.schema import build  # noqa: PLC0415 - a second of imports that no other command needs

    typer.echo(build.sdl(), nl=False)
