"""The ranking that inputs give: maths from `db.composite`, in the form in which it is stored."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from db.composite.framework import OVERALL
from db.composite.rank import points_to_next_rank
from db.composite.ranking import build_flags, build_scores
from db.inputs import Inputs
from db.ranking import Column, Comparison, Ranking
from db.score import STATUS_CODE, ValueStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compute(inputs: Inputs) -> Ranking:
    """The ranking of these inputs; a city without an overall score is not in it."""
    framework = inputs.framework
    estimated = inputs.statuses == STATUS_CODE[ValueStatus.ESTIMATED]
    scores = build_scores(framework, inputs.values, estimated)
    compared = [0, *(1 + category for category in framework.categories)]
    flags = build_flags(framework, scores.rank[compared], inputs.ever_top_n)
    order = np.lexsort((np.arange(len(inputs.cities)), scores.rank[0]))
    order = order[scores.rank[0][order] > 0]

    computed = [STATUS_CODE[ValueStatus.COMPUTED]] * len(order)
    columns = [
        Column(
            code,
            value=_numbers(inputs.values[row - 1][order]) if row else [None] * len(order),
            status=inputs.statuses[row - 1][order].tolist() if row else computed,
            score=_numbers(scores.score[row][order]),
            rank=_ranks(scores.rank[row][order]),
            share=_numbers(scores.share[row][order]),
            estimated_share=_numbers(scores.estimated_share[row][order]),
            comparison=None,
        )
        for row, code in enumerate([OVERALL, *framework.position])
    ]
    for index, row in enumerate(compared):
        comparison = Comparison(
            previous_score=_numbers(inputs.previous_score[index][order]),
            previous_rank=_ranks(inputs.previous_rank[index][order]),
            is_top_n=flags.top_n[index][order].tolist(),
            is_first_top_n=flags.first_top_n[index][order].tolist(),
            is_hidden_champion=flags.hidden_champion[index][order].tolist(),
            points_to_next_rank=_numbers(points_to_next_rank(scores.score[row])[order]),
        )
        columns[row] = replace(columns[row], comparison=comparison)
    return Ranking(
        inputs.edition, inputs.revision, datetime.now(UTC), inputs.hash(), framework,
        tuple(inputs.cities[city] for city in order), tuple(columns), inputs.basis,
    )  # fmt: skip


def _numbers(array: "NDArray[np.float64]") -> list[float | None]:
    return [None if number != number else number for number in array.tolist()]


def _ranks(array: "NDArray[np.int32]") -> list[int | None]:
    return [rank or None for rank in array.tolist()]
