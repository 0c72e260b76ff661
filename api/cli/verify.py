"""`sci verify`: computed against published, and stored against the audit trail."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.console import DataDir, errors, with_database
from db.postgres.pool import Pool, transaction
from db.ranking import rebuild as rebuilding
from db.ranking import verify as verifying


def verify(
    edition: Annotated[int | None, typer.Argument(metavar="[EDITION]", help="Year; every ranked one if none.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Compare every stored ranking with what the audit trail gives, instead.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Compare every published line with the computed ranking; exit 1 when one differs."""
    differs = _rebuild(edition, data_dir) if rebuild else _verify(edition, data_dir)
    if differs:
        raise typer.Exit(1)


def _verify(edition: int | None, data_dir: Path | None) -> bool:
    async def run(pool: Pool) -> verifying.Report:
        return await verifying.verify(pool, edition)

    with errors.status("comparing"):
        report = with_database(data_dir, run)
    for off in report.differences:
        computed = "nothing" if off.computed is None else f"{off.computed:g}"
        typer.echo(f"{off.edition} {off.city} {off.code}: {off.figure} {off.printed:g} printed, {computed} computed")
    off_count = len({(off.edition, off.city, off.code) for off in report.differences})
    years = ", ".join(map(str, sorted(report.editions))) or "no edition with a ranking"
    typer.echo(f"{years}: {report.line_count} rows compared, {off_count or 'none'} off")
    return bool(report.differences)


def _rebuild(edition: int | None, data_dir: Path | None) -> bool:
    async def run(pool: Pool) -> rebuilding.Report:
        async with transaction(pool, "repeatable_read") as reader:
            return await rebuilding.rebuild(reader, edition)

    with errors.status("rebuilding"):
        report = with_database(data_dir, run)
    for off in report.differences:
        typer.echo(f"{off.edition} revision {off.revision}: {off.what} differ from the audit trail")
    for year, revision in report.skipped:
        typer.echo(f"{year} revision {revision}: stored by a version that stored no audit of frameworks, not rebuilt")
    typer.echo(f"{len(report.rebuilt)} rebuilt, {len(report.differences) or 'none'} off")
    return bool(report.differences)
