"""The ranking that inputs give: maths from `db.composite`, in the form in which it is stored."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from db.composite.framework import OVERALL
from db.composite.rank import points_to_next_rank
from db.composite.ranking import build_flags, build_scores
from db.inputs import Inputs
from db.ranking import Column, Comparison, Ranking
from db.score import STATUS_CODE, ValueStatus


def compute(inputs: Inputs) -> Ranking:
    """The ranking of these inputs; a city without an overall score is not in it."""
    framework = inputs.framework
    estimated = inputs.statuses == STATUS_CODE[ValueStatus.ESTIMATED]
    scores = build_scores(framework, inputs.values, estimated)
    compared = [0, *(1 + category for category in framework.categories)]
    flags = build_flags(framework, scores.rank[compared], inputs.ever_top_n)
    order = np.lexsort((np.arange(len(inputs.cities)), scores.rank[0]))
    order = order[scores.rank[0][order] > 0]

    # All of a figure at once: row by row, putting 200 of them into order takes as long as all other arithmetic.
    nothing = np.full((1, len(inputs.cities)), np.nan)
    computed = np.full(nothing.shape, STATUS_CODE[ValueStatus.COMPUTED], dtype=np.int16)
    figures = zip(
        [OVERALL, *framework.position],
        np.concatenate([nothing, inputs.values])[:, order],
        np.concatenate([computed, inputs.statuses], dtype=np.int16)[:, order],
        scores.score[:, order],
        scores.rank[:, order],
        scores.share[:, order],
        scores.estimated_share[:, order],
        strict=True,
    )
    columns = [
        Column(code, value, status, score, rank, share, estimated_share, None)
        for code, value, status, score, rank, share, estimated_share in figures
    ]
    for index, row in enumerate(compared):
        comparison = Comparison(
            previous_score=inputs.previous_score[index][order],
            previous_rank=inputs.previous_rank[index][order],
            is_top_n=flags.top_n[index][order],
            is_first_top_n=flags.first_top_n[index][order],
            is_hidden_champion=flags.hidden_champion[index][order],
            points_to_next_rank=points_to_next_rank(scores.score[row])[order],
        )
        columns[row] = replace(columns[row], comparison=comparison)
    return Ranking(
        inputs.edition, inputs.revision, datetime.now(UTC), inputs.hash(), framework,
        tuple(inputs.cities[city] for city in order), tuple(columns), inputs.basis,
    )  # fmt: skip
