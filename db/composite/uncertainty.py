"""How sure a rank is: the ranking drawn many times with perturbed weights, and the spread of each city's ranks.

The uncertainty analysis of the OECD/JRC handbook as COINr does it: every weight at every level is multiplied by
1 + noise, noise uniform in [-weight_noise, weight_noise]; quantiles are interpolated linearly (R's type 7).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from db.composite.composition import compose, nominal_weights, recorded_scores
from db.composite.framework import Aggregation, Framework
from db.composite.rank import competition_rank

F64: TypeAlias = NDArray[np.float64]
I32: TypeAlias = NDArray[np.int32]

# Numbers in the scores of one chunk of draws, 8 bytes each.
CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What is varied: *weight_noise* (0-1) of every weight and, when *vary_aggregation*, the mean of each draw.

    Equal perturbations of equal frameworks draw the same, whatever the chunks.
    """

    draws: int
    seed: int
    weight_noise: float
    vary_aggregation: bool


@dataclass(frozen=True, slots=True)
class RankSpread:
    """Quantiles of each city's rank over the draws, and the share (0-1) of draws in the Top N; all (cities,).

    `low` and `high` are the 5th and 95th percentile. NaN for a city without a score.
    """

    median: F64
    low: F64
    high: F64
    top_n_share: F64


def draw_ranks(framework: Framework, values: F64, perturbation: Perturbation) -> Iterator[I32]:
    """The ranks of each draw, chunk by chunk, (draws of the chunk, cities), 0 without a score.

    *values* is (measures, cities) as recorded, NaN where nothing is recorded.
    """
    weights, geometric = _draw(framework, perturbation)
    own = recorded_scores(framework, values)[:, np.newaxis, :]
    size = max(1, CHUNK // max(1, values.size))
    for start in range(0, perturbation.draws, size):
        drawn = slice(start, start + size)
        yield _ranks(framework, own, weights[:, drawn], geometric[drawn])


def spread(framework: Framework, ranks: I32) -> RankSpread:
    """What all draws, (draws, cities), say about each city."""
    present = (ranks > 0).all(axis=0)
    low, median, high = np.full((3, ranks.shape[1]), np.nan)
    if present.any():
        low[present], median[present], high[present] = np.percentile(ranks[:, present], [5, 50, 95], axis=0)
    share = (ranks <= framework.methodology.top_n).mean(axis=0)
    return RankSpread(median, low, high, np.where(present, share, np.nan))


def _draw(framework: Framework, perturbation: Perturbation) -> tuple[F64, NDArray[np.bool_]]:
    """The weights of every draw, (measures, draws), and which draws take the geometric mean, (draws,)."""
    random = np.random.default_rng(perturbation.seed)
    noise = random.uniform(-1, 1, size=(perturbation.draws, len(framework.measures))).T
    weights = nominal_weights(framework) * (1 + perturbation.weight_noise * noise)
    if perturbation.vary_aggregation:
        return weights, random.random(perturbation.draws) < 0.5
    is_geometric = framework.methodology.aggregation is Aggregation.GEOMETRIC_MEAN
    return weights, np.full(perturbation.draws, is_geometric)


def _ranks(framework: Framework, own: F64, weights: F64, geometric: NDArray[np.bool_]) -> I32:
    """The ranks of one chunk, whose draws may take either mean."""
    ranks = np.zeros((weights.shape[1], own.shape[2]), dtype=np.int32)
    for aggregation, taken in (
        (Aggregation.ARITHMETIC_MEAN, ~geometric),
        (Aggregation.GEOMETRIC_MEAN, geometric),
    ):
        if taken.any():
            overall = compose(framework, own, weights[:, taken, np.newaxis], aggregation)[0]
            ranks[taken] = competition_rank(overall)
    return ranks
