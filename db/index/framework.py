"""The framework of each edition, from and to its rows and JSON."""

from collections import defaultdict
from functools import lru_cache
from typing import Any

import orjson

from db.composite.framework import Aggregation, Direction, Framework, Level, Measure, Methodology, Normalisation
from db.postgres.pool import Reader

BY_EDITION = """
select e.year, e.normalisation, e.aggregation, e.top_n, e.hidden_champion_category_top_n,
       e.hidden_champion_overall_rank_worse_than, e.min_population, e.lowest
from unnest($1::integer[]) with ordinality as key (year, position)
join edition e using (year)
order by key.position
"""

MEASURES = """
select edition, code, level, parent, name_de, name_en, weight, direction, unit, maximum, normalisation
from measure
where edition = any($1)
order by edition, position
"""


async def by_edition(reader: Reader, years: list[int]) -> list[Framework]:
    """The framework of each existing edition, in the order of *years*."""
    measures = defaultdict(list)
    for row in await reader.fetch(MEASURES, years):
        fields = dict(row)
        measures[fields.pop("edition")].append(_measure(fields))
    frameworks = []
    for row in await reader.fetch(BY_EDITION, years):
        methodology = dict(row)
        year = methodology.pop("year")
        frameworks.append(Framework(_methodology(methodology), tuple(measures[year])))
    return frameworks


def to_json(framework: Framework) -> dict[str, Any]:
    """The framework as what orjson writes as JSON; `from_json` reads it back."""
    return {"methodology": framework.methodology, "measures": framework.measures}


@lru_cache(maxsize=64)
def from_text(stored: str) -> Framework:
    """The framework that `to_json` wrote, from the column as text: the same one is read for every ranking."""
    return from_json(orjson.loads(stored))


def from_json(stored: dict[str, Any]) -> Framework:
    """The framework that `to_json` wrote."""
    return Framework(_methodology(stored["methodology"]), tuple(_measure(measure) for measure in stored["measures"]))


def _methodology(fields: dict[str, Any]) -> Methodology:
    return Methodology(
        **{
            **fields,
            "normalisation": Normalisation(fields["normalisation"]),
            "aggregation": Aggregation(fields["aggregation"]),
            # What was stored before there was such a field has none.
            "lowest": float(fields.get("lowest", 0)),
        }
    )


def _measure(fields: dict[str, Any]) -> Measure:
    return Measure(
        **{
            **fields,
            "level": Level(fields["level"]),
            "direction": Direction(fields["direction"]),
            # JSON in Postgres may read 1.0 back as 1, which hashes differently.
            "weight": float(fields["weight"]),
            "maximum": float(fields["maximum"]),
            "normalisation": fields["normalisation"] and Normalisation(fields["normalisation"]),
        }
    )
