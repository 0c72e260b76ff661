"""`sci status`: what stands where."""

import dataclasses
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from api.cli.console import DataDir, settings_of, with_database
from db.postgres.pool import Pool
from db.ranking import status as statuses

MEBIBYTE = 2**20


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Show editions, revisions and how far they are behind, the outbox, proposals, processes and sizes."""
    attempts = settings_of(data_dir).task_attempts

    async def run(pool: Pool) -> statuses.Status:
        return await statuses.read(pool, attempts)

    installation = with_database(data_dir, run)
    if as_json:
        typer.echo(orjson.dumps(dataclasses.asdict(installation), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(installation)


def _show(installation: statuses.Status) -> None:
    console = Console(highlight=False)
    editions = Table("edition", "revision", "ranked", "behind", "state", box=None)
    for edition in installation.editions:
        state = f"parked after {edition.attempts} attempts" if edition.is_parked else ""
        editions.add_row(
            str(edition.year), str(edition.revision), str(edition.ranked_revision or "-"),
            f"{edition.behind_seconds:.1f} s" if edition.behind_seconds else "-", state,
        )  # fmt: skip
    console.print(editions)
    lines: dict[str, Any] = {
        "outbox": f"{installation.outbox_size} rows, the oldest {installation.outbox_age_seconds:.1f} s old",
        "proposals that wait": installation.pending_proposals,
        "analyses under way": installation.unfinished_analyses,
        "size of the tables": f"{sum(installation.table_bytes.values()) / MEBIBYTE:.1f} MiB",
    }
    for heartbeat in installation.heartbeats:
        lines[f"{heartbeat.role} on {heartbeat.host}"] = f"{heartbeat.age_seconds:.1f} s ago"
    for name, value in lines.items():
        console.print(f"{name}: {value}", markup=False)
