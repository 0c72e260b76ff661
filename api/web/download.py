"""A ranking to take away, as CSV and JSON with its citation: who wants to check it can ask for the same again."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from api.http import condition
from api.operation.context import Context
from api.schema.node import number
from api.state.catalogue import Catalogue
from api.state.snapshot import Snapshot
from api.web.cell import harmless
from db.composite.framework import Level, Measure

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}
FIGURES = ("rank", "score", "status")
CACHING = {"Cache-Control": "no-cache"}


async def export(request: Request, context: Context) -> Response:
    """The ranking of an edition, the newest unless `?revision=` names one; 404 when there is none."""
    context.pin()
    form = request.path_params["form"]
    if form not in MEDIA_TYPES:
        return PlainTextResponse(f"{form} is none of {', '.join(MEDIA_TYPES)}\n", 404)
    year, asked = number(request.path_params["edition"]), request.query_params.get("revision")
    revision = None if asked is None else number(asked)
    if year is None or (asked is not None and revision is None):
        return PlainTextResponse("an edition is a year, a revision a number\n", 400)
    snapshot = await context.snapshot(year, revision)
    if snapshot is None:
        return PlainTextResponse(f"there is no such ranking of edition {year}\n", 404)
    tag = f'"{context.digest("export", form, snapshot.key, snapshot.ranking.input_hash, context.live.version)}"'
    headers = {"ETag": tag, **CACHING}
    if condition.has_copy(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    name = f"smart-city-index-{year}-revision-{snapshot.key[1]}.{form}"
    headers |= {"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": MEDIA_TYPES[form]}
    write = _csv if form == "csv" else _json
    return StreamingResponse(write(snapshot, context.live.catalogue), headers=headers)


def _citation(snapshot: Snapshot) -> dict[str, Any]:
    ranking = snapshot.ranking
    return {
        "edition": ranking.edition,
        "revision": ranking.revision,
        "computed_at": ranking.computed_at.isoformat(),
        "input_hash": ranking.input_hash,
    }


def _csv(snapshot: Snapshot, catalogue: Catalogue) -> Iterator[str]:
    """One line a city, the citation in each, so that no line loses it; missing figures are empty.

    Every score has its status beside it; text that a spreadsheet would run is made harmless."""
    framework = snapshot.ranking.framework
    categories = [framework.measures[place] for place in framework.categories]
    indicators = [measure for measure in framework.measures if measure.level is Level.INDICATOR]
    citation = _citation(snapshot)
    header = [
        *citation, "rank", "city", "name", "state", "score", "previous_rank", "is_top_ten", "is_first_top_ten",
        "is_hidden_champion", "estimated_share",
        *(f"{category.code}_{figure}" for category in categories for figure in FIGURES),
        *(f"{indicator.code}_{figure}" for indicator in indicators for figure in ("score", "status")),
    ]  # fmt: skip
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for place in range(len(snapshot.ranking.cities)):
        line = _line(snapshot, catalogue, place)
        row = [*citation.values(), *line.values()]
        row += [getattr(snapshot.standings[c.code], figure)[place] for c in categories for figure in FIGURES]
        for indicator in indicators:
            column = snapshot.standings[indicator.code]
            row += [column.score[place], column.status[place]]
        writer.writerow(str(cell).lower() if isinstance(cell, bool) else harmless(cell) for cell in row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _json(snapshot: Snapshot, catalogue: Catalogue) -> Iterator[bytes]:
    """The citation, then one entry a city with what is below it."""
    yield b'{"citation":' + orjson.dumps(_citation(snapshot)) + b',"entries":['
    framework = snapshot.ranking.framework
    for place in range(len(snapshot.ranking.cities)):
        entry = _line(snapshot, catalogue, place)
        entry["categories"] = [_result(snapshot, framework.measures[c], place) for c in framework.categories]
        yield (b"," if place else b"") + orjson.dumps(entry)
    yield b"]}\n"


def _line(snapshot: Snapshot, catalogue: Catalogue, place: int) -> dict[str, Any]:
    overall = snapshot.overall
    city = catalogue.cities[snapshot.ranking.cities[place]]
    return {
        "rank": overall.rank[place],
        "city": city.slug,
        "name": city.name,
        "state": city.state,
        "score": overall.score[place],
        "previous_rank": overall.previous_rank[place],
        "is_top_ten": overall.is_top_n[place],
        "is_first_top_ten": overall.is_first_top_n[place],
        "is_hidden_champion": overall.is_hidden_champion[place],
        "estimated_share": overall.estimated_share[place],
    }


def _result(snapshot: Snapshot, measure: Measure, place: int) -> dict[str, Any]:
    """One measure's figures for one city, with those of the measures below it."""
    framework, standings = snapshot.ranking.framework, snapshot.standings[measure.code]
    below = [framework.measures[child] for child in framework.children[framework.position[measure.code]]]
    return {
        "code": measure.code,
        "rank": standings.rank[place],
        "score": standings.score[place],
        "value": standings.value[place],
        "status": standings.status[place],
        "weight": standings.share[place],
        "below": [_result(snapshot, child, place) for child in below],
    }
