"""Scores and ranks of a made-up edition by COINr and by us: how long each takes, and where they differ.

uv run python -m tests.benchmarks.coinr [CITIES]

Needs `Rscript` with the package COINr. Both normalise 163 parameters by minimum and maximum, take weighted arithmetic
means of what is present, and rank everything; COINr has no shares and no flags to compute.
"""

import csv
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from db.composite.framework import OVERALL, Direction, Framework, Level, Normalisation
from db.composite.scoring import build_scores
from db.dataset import dataset
from tests import made_up

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCRIPT = Path(__file__).with_suffix(".R")
ROUNDS = 5
MISSING = 0.1


def main(cities: int) -> None:
    """Print the ratio, and the largest difference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        framework = made_up_framework(folder / "made-up")
        parameters = [place for place, each in enumerate(framework.measures) if each.level is Level.PARAMETER]
        draw = np.random.default_rng(1)
        values = np.full((len(framework.measures), cities), np.nan)
        values[parameters] = draw.random((len(parameters), cities)) * 100
        values[draw.random(values.shape) < MISSING] = np.nan
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            ours = build_scores(framework, values, np.zeros(values.shape, dtype=np.bool_))
            seconds.append(time.perf_counter() - started)
        theirs = coinr(folder, framework, values[parameters])
        scores, ranks = read(folder / "scores.csv"), read(folder / "ranks.csv")
    codes = [OVERALL, *framework.position]
    score, rank = (np.array([table[code] for code in codes]) for table in (scores, ranks))
    assert (np.isnan(score) == np.isnan(ours.score)).all()
    say(f"{cities:,} cities x {len(parameters)} parameters: {median(seconds):.4f} s, COINr {theirs:.2f} s")
    say(f"{theirs / median(seconds):.0f} times as long")
    say(f"{score.size:,} scores differ by {np.nanmax(np.abs(score - ours.score)):.1e} at most")
    say(f"{np.count_nonzero(np.nan_to_num(rank) != ours.rank)} ranks differ")


def made_up_framework(folder: Path) -> Framework:
    """As large as the real one, every parameter normalised by minimum and maximum."""
    shape = {"parameters": 163, "indicators": 37, "categories": 5}
    framework = dataset.read(made_up.write(folder, cities=1, **shape)).editions[made_up.YEAR].framework
    alike = (
        replace(measure, normalisation=Normalisation.MIN_MAX if measure.level is Level.PARAMETER else None)
        for measure in framework.measures
    )
    return replace(framework, measures=tuple(alike))


def coinr(folder: Path, framework: Framework, values: "NDArray[np.float64]") -> float:
    """Have COINr work in *folder*; returns the seconds that it took, without reading and writing."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        sys.exit("Rscript is not here: this needs R with the package COINr")
    codes = [measure.code for measure in framework.measures if measure.level is Level.PARAMETER]
    with (folder / "values.csv").open("w") as stream:
        rows = csv.writer(stream)
        rows.writerow(codes)
        rows.writerows(["NA" if value != value else value for value in city] for city in values.T.tolist())
    with (folder / "measures.csv").open("w") as stream:
        rows = csv.writer(stream)
        rows.writerow(["code", "level", "parent", "weight", "direction"])
        for each in framework.measures:
            direction = 1 if each.direction is Direction.HIGHER_IS_BETTER else -1
            rows.writerow([each.code, each.level, each.parent or OVERALL, each.weight, direction])
    ran = subprocess.run([rscript, SCRIPT], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return float(ran.stdout)


def read(table: Path) -> "dict[str, NDArray[np.float64]]":
    """The columns of a table that R wrote."""
    with table.open() as stream:
        head, *rows = csv.reader(stream)
    columns = (
        [float("nan" if cell.strip() == "NA" else cell) for cell in column] for column in zip(*rows, strict=True)
    )
    return {code: np.array(column) for code, column in zip(head, columns, strict=True)}


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(*[int(cities) for cities in sys.argv[1:]] or [10_000])
