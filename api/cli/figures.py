"""`sci ranking` and `sci city`: figures of the newest rankings in the terminal."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.cli.console import DataDir, with_database
from db.index import city as cities
from db.index import edition as editions
from db.index.city import City
from db.postgres.pool import Pool, Reader, transaction
from db.ranking import ranking as rankings
from db.ranking.ranking import Ranking


def ranking(
    edition: Annotated[int, typer.Argument(metavar="YEAR", help="Year of the edition.")],
    top: Annotated[int | None, typer.Option(min=1, help="So many of the best cities; all when left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Show the newest ranking of an edition."""

    async def run(pool: Pool) -> tuple[Ranking, dict[str, City]]:
        async with transaction(pool, "repeatable_read") as reader:
            by_year = {each.edition: each for each in await _newest(reader)}
            if edition not in by_year:
                years = {state.year for state in await editions.states(reader)}
                raise LookupError(
                    f"edition {edition} has no ranking" if edition in years else f"there is no edition {edition}"
                )
            return by_year[edition], {city.slug: city for city in await cities.all_cities(reader)}

    newest, names = with_database(data_dir, run)
    table = _table("rank", "city", "score", "before")
    for index in newest.order[:top].tolist():
        row = _row(newest.figures, newest.comparison, 0, 0, index)
        table.add_row(row[0], names[newest.members[index]].name, *row[1:])
    _print(f"{newest.edition}, revision {newest.revision}", table)


def city(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Slug of the city, like krefeld.")],
    data_dir: DataDir = None,
) -> None:
    """Show what a city has in the newest ranking of each edition, overall and by category."""

    async def run(pool: Pool) -> tuple[City, list[Ranking]]:
        async with transaction(pool, "repeatable_read") as reader:
            wanted = await cities.by_slug(reader, slug)
            if wanted is None:
                raise LookupError(f"there is no city {slug!r}")
            return wanted, [ranking for ranking in await _newest(reader) if slug in ranking.cities]

    wanted, newest = with_database(data_dir, run)
    if not newest:
        typer.echo(f"{wanted.name}, {wanted.state}: in no ranking")
    for each in reversed(newest):
        index = each.members.index(slug)
        table = _table("rank", "", "score", "before")
        for compared, row in enumerate(rankings.compared_rows(each.framework)):
            name = "overall" if row == 0 else each.framework.measures[row - 1].name_en
            figures = _row(each.figures, each.comparison, row, compared, index)
            table.add_row(figures[0], name, *figures[1:])
        _print(f"{wanted.name}, {wanted.state}: {each.edition}, revision {each.revision}", table)


async def _newest(reader: Reader) -> list[Ranking]:
    """The newest ranking of every edition that has one, oldest edition first."""
    states = await editions.states(reader)
    keys = [(state.year, state.ranked_revision) for state in states if state.ranked_revision is not None]
    return [ranking for ranking in await rankings.by_key(reader, keys) if ranking is not None]


def _row(figures: Any, comparison: Any, row: int, compared: int, index: int) -> tuple[str, str, str]:
    """Rank, score and rank of the edition before, of the city at *index*; a dash where there is none."""
    rank, before = int(figures["rank"][row][index]), int(comparison["previous_rank"][compared][index])
    if rank <= 0:
        return "-", "-", "-"
    return str(rank), f"{figures['score'][row][index]:.2f}", str(before) if before > 0 else "-"


def _table(*names: str) -> Table:
    table = Table(box=None)
    for name in names:
        table.add_column(name, justify="left" if name in ("city", "") else "right")
    return table


def _print(heading: str, table: Table) -> None:
    console = Console(highlight=False, markup=False)
    console.print(heading, style="bold")
    console.print(table)
