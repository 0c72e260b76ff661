"""`sci submit`: a spreadsheet of scores."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from api.cli.console import DataDir, answer, errors, with_database
from db.dataset import score_sheet
from db.postgres.pool import Pool


def submit(
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
