"""The `sci` command."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from api.cli import command
from api.cli.backup import backup, restore
from api.cli.console import (
    DataDir,
    answer,
    become,
    errors,
    fail,
    production,
    settings_of,
    with_database,
    with_database_url,
)
from api.cli.doctor import doctor
from api.cli.figures import city, ranking
from api.cli.status import status
from api.cli.token import token
from api.cli.up import StartOptions, up
from api.cli.watch import watch
from db.dataset import dataset, export, load, score_sheet
from db.postgres import migrate
from db.postgres.pool import Pool, transaction
from db.ranking import rebuild, verify
from db.version import VERSION

BUNDLED = Path(__file__).parents[2] / "db" / "data"


app = typer.Typer(help="A composite index of cities over GraphQL.", no_args_is_help=True)


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


@app.command("up")
def up_(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    data_dir: DataDir = None,
    dataset_dir: Annotated[
        Path | None, typer.Option("--dataset", help="Folder to load on a first start, instead of the bundled data.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker children.")] = 1,
    api_processes: Annotated[int, typer.Option(min=1, help="API processes on the one port.")] = 1,
) -> None:
    """Run the whole system on this machine until Ctrl-C."""
    folder = dataset_dir or BUNDLED
    if not folder.is_dir():
        fail(f"{folder} is not a folder")
    options = StartOptions(settings_of(data_dir), host, port, workers, api_processes, lambda: dataset.read(folder))
    answer(lambda: up(options, typer.echo))


app.command("token")(token)


@app.command("migrate")
def migrate_(data_dir: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    with_database_url(data_dir, migrate.apply, is_new=True)
    typer.echo("migrations applied")


@app.command("load")
def load_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the files of a dataset.")],
    data_dir: DataDir = None,
) -> None:
    """Load a dataset: all of it or nothing. Loading it again changes nothing."""
    read = answer(lambda: dataset.read(folder))

    async def run(pool: Pool) -> None:
        loaded = await load.load(pool, read)
        for year, count in loaded.change_counts.items():
            typer.echo(f"{year}: {count} scores changed{', new revision' if year in loaded.advanced else ''}")

    with_database(data_dir, run)


@app.command("export")
def export_(
    edition: Annotated[int, typer.Argument(metavar="EDITION", help="Year.")],
    to: Annotated[Path | None, typer.Option(help="Folder to write; edition-YEAR when left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write an edition as the CSV files of a dataset."""
    folder = to or Path(f"edition-{edition}")

    async def run(pool: Pool) -> None:
        await export.export(pool, edition, folder)
        typer.echo(f"{folder}")

    with_database(data_dir, run)


@app.command("submit")
def submit_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or workbook: city, measure, value and, optional, source.")
    ],
    edition: Annotated[int, typer.Option(help="Year of the edition to change.")],
    source: Annotated[str | None, typer.Option(help="Where values without a source of their own come from.")] = None,
    remove_empty: Annotated[bool, typer.Option("--remove-empty", help="Empty values remove what is recorded.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Submit a table of scores: all of it or nothing, checked as the mutation checks."""
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("reading", total=None)
        sheet = answer(lambda: score_sheet.read(file, remove_empty=remove_empty))
        progress.update(task, description="submitting", total=len(sheet.changes))

        async def run(pool: Pool) -> score_sheet.Submitted:
            return await score_sheet.submit(pool, sheet, edition, source, lambda count: progress.advance(task, count))

        submitted = with_database(data_dir, run)
    typer.echo(f"{edition}: revision {submitted.revision}, {submitted.change_count} scores changed")


@app.command("verify")
def verify_(
    edition: Annotated[int | None, typer.Argument(metavar="[EDITION]", help="Year; every ranked one if none.")] = None,
    rebuild_: Annotated[
        bool, typer.Option("--rebuild", help="Compare every stored ranking with what the audit trail gives, instead.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Compare every published line with the computed ranking; exit 1 when one is off."""
    if rebuild_:
        _rebuild(edition, data_dir)
        return

    async def run(pool: Pool) -> verify.Report:
        return await verify.verify(pool, edition)

    report = with_database(data_dir, run)
    for off in report.differences:
        computed = "nothing" if off.computed is None else f"{off.computed:g}"
        typer.echo(f"{off.edition} {off.city} {off.code}: {off.figure} {off.printed:g} printed, {computed} computed")
    off_count = len({(off.edition, off.city, off.code) for off in report.differences})
    years = ", ".join(map(str, sorted(report.editions))) or "no edition with a ranking"
    typer.echo(f"{years}: {report.line_count} rows compared, {off_count or 'none'} off")
    if report.differences:
        raise typer.Exit(1)


def _rebuild(edition: int | None, data_dir: Path | None) -> None:
    async def run(pool: Pool) -> rebuild.Report:
        async with transaction(pool, "repeatable_read") as reader:
            return await rebuild.rebuild(reader, edition)

    report = with_database(data_dir, run)
    for off in report.differences:
        typer.echo(f"{off.edition} revision {off.revision}: {off.what} differ from the audit trail")
    for year, revision in report.skipped:
        typer.echo(f"{year} revision {revision}: stored by a version that kept no audit of frameworks, not rebuilt")
    typer.echo(f"{len(report.rebuilt)} rebuilt, {len(report.differences) or 'none'} off")
    if report.differences:
        raise typer.Exit(1)


@app.command("schema")
def schema_() -> None:
    """Print the GraphQL schema."""
    from api.schema import build  # noqa: PLC0415 - a second of imports that no other command needs

    typer.echo(build.sdl(), nl=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    fd: Annotated[int | None, typer.Option(help="Listening socket inherited from the caller instead.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run one API process."""
    from api import server  # noqa: PLC0415 - as above

    settings = production(data_dir)
    answer(lambda: server.serve(settings, host, port, fd))


@app.command()
def worker(
    concurrency: Annotated[int, typer.Option(min=1, help="Children that compute side by side.")] = 1,
    data_dir: DataDir = None,
) -> None:
    """Run one Celery worker."""
    settings = production(data_dir)
    become(command.worker(concurrency, settings.log_level))


@app.command()
def relay(data_dir: DataDir = None) -> None:
    """Run one relay: it hands requests for rankings from the database to the workers."""
    production(data_dir)
    become(command.relay())


app.command("status")(status)
app.command("ranking")(ranking)
app.command("city")(city)
app.command("watch")(watch)
app.command("doctor")(doctor)
app.command("backup")(backup)
app.command("restore")(restore)


if __name__ == "__main__":
    app()
