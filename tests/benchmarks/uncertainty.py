"""Times an uncertainty analysis against the same draws ranked one by one, in this process, on a made-up edition.

uv run python -m tests.benchmarks.uncertainty [CITIES] [DRAWS]
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from db.composite.framework import Framework
from db.composite.scoring import build_scores
from db.composite.uncertainty import Perturbation, draw_ranks, spread
from db.dataset import dataset
from tests import made_up

ROUNDS = 5


def main(cities: int, draws: int) -> None:
    """Print the median of some rounds of each, and their ratio."""
    framework, values = edition(cities)
    together, apart = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        spread(framework, np.concatenate(list(draw_ranks(framework, values, Perturbation(draws, 1, 0.25, False)))))
        between = time.perf_counter()
        one_by_one(framework, values, draws)
        together.append(between - started)
        apart.append(time.perf_counter() - between)
    print(  # noqa: T201 - what it is for
        f"{cities} cities x 163 parameters, {draws} draws: {median(together):.2f} s as arrays, "
        f"{median(apart):.2f} s one by one, {median(apart) / median(together):.1f} times as long"
    )


def edition(cities: int) -> "tuple[Framework, np.ndarray]":
    """A made-up framework of the real one's size, with values (measures, cities)."""
    with tempfile.TemporaryDirectory() as folder:
        given = dataset.read(
            made_up.write(Path(folder), cities=cities, parameters=163, indicators=37, categories=5)
        ).editions[made_up.YEAR]
    column = {city: index for index, city in enumerate(given.members)}
    values = np.full((len(given.measures), len(column)), np.nan)
    for score in given.scores:
        values[given.framework.position[score.measure], column[score.city]] = score.value
    return given.framework, values


def one_by_one(framework: Framework, values: "np.ndarray", draws: int) -> None:
    """Rank as often, each time with weights of its own."""
    random = np.random.default_rng(1)
    estimated = np.zeros(values.shape, dtype=np.bool_)
    for _ in range(draws):
        noise = 1 + 0.25 * random.uniform(-1, 1, size=len(framework.measures))
        measures = (replace(m, weight=m.weight * n) for m, n in zip(framework.measures, noise, strict=True))
        build_scores(Framework(framework.methodology, tuple(measures)), values, estimated)


if __name__ == "__main__":
    main(*map(int, (sys.argv[1:] + ["83", "1000"][len(sys.argv) - 1 :])[:2]))
