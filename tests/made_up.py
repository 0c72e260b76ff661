"""A dataset of made-up cities and parameters, of any size; nothing in it is real."""

import csv
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

YEAR = 3000
SOURCE = "made up for tests"
NORMALISATIONS = ("min_max", "rank", "fraction_of_max", "none")


def write(
    folder: Path,
    *,
    cities: int,
    parameters: int,
    indicators: int | None = None,
    categories: int | None = None,
    missing: float = 0.1,
    seed: int = 1,
) -> Path:
    """Edition 3000: *parameters* in indicators of five, these in categories of four, unless their numbers are given.

    Parameters take the four normalisations and both directions in turn; values have ties, and *missing* of them are
    left out.
    """
    indicators = indicators or -(-parameters // 5)
    categories = categories or -(-indicators // 4)
    draw = random.Random(seed)
    slugs = [f"made-up-{number:06}" for number in range(cities)]
    codes = [f"parameter_{number}" for number in range(parameters)]
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "edition.csv",
        "year,normalisation,aggregation,top_n,hidden_champion_category_top_n,"
        "hidden_champion_overall_rank_worse_than,min_population",
        [(YEAR, "min_max", "arithmetic_mean", 10, 10, 10, 0)],
    )
    _write(folder / "city.csv", "slug,name,state", ((slug, slug.title(), "Made Up") for slug in slugs))
    _write(folder / "member.csv", "edition,city,population", ((YEAR, slug, "") for slug in slugs))
    up = "higher_is_better"
    rows: list[Iterable[Any]] = []
    rows += [(YEAR, f"category_{n}", "category", "", "K", "C", 1, up, "", "") for n in range(categories)]
    rows += [
        (
            YEAR,
            f"indicator_{n}",
            "indicator",
            f"category_{n * categories // indicators}",
            "I",
            "I",
            n % 3 + 1,
            up,
            "",
            "",
        )
        for n in range(indicators)
    ]
    rows += [
        (YEAR, code, "parameter", f"indicator_{part}", "P", "P", n % 4 + 1, ("lower_is_better", up)[n % 2], "unit",
         NORMALISATIONS[n % 4])
        for n, code in enumerate(codes)
        for part in [n * indicators // parameters]
    ]  # fmt: skip
    _write(
        folder / "framework.csv",
        "edition,code,level,parent,name_de,name_en,weight,direction,unit,normalisation",
        rows,
    )
    _write(
        folder / "score.csv",
        "edition,city,measure,value,source",
        (
            (YEAR, slug, code, draw.randrange(101), SOURCE)
            for slug in slugs
            for code in codes
            if draw.random() >= missing
        ),
    )
    return folder


def _write(path: Path, header: str, rows: Iterable[Iterable[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(header + "\n")
        csv.writer(stream, lineterminator="\n").writerows(rows)
