"""The ranking that inputs give: maths from `db.composite`, in the form in which it is stored."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from db.composite.rank import points_to_next_rank
from db.composite.ranking import build_flags, build_scores
from db.figure import Figures
from db.inputs import Inputs
from db.ranking import Ranking, compared_rows
from db.score import STATUS_CODE, ValueStatus

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compute(inputs: Inputs) -> Ranking:
    """The ranking of these inputs; a city without an overall score is not in it."""
    framework = inputs.framework
    estimated = inputs.statuses == STATUS_CODE[ValueStatus.ESTIMATED]
    scores = build_scores(framework, inputs.values, estimated)
    compared = compared_rows(framework)
    flags = build_flags(framework, scores.rank[compared], inputs.ever_top_n)
    order = np.lexsort((np.arange(len(inputs.cities)), scores.rank[0]))
    order = order[scores.rank[0][order] > 0]
    nothing = np.full((1, len(inputs.cities)), np.nan)
    computed = np.full(nothing.shape, STATUS_CODE[ValueStatus.COMPUTED], dtype=np.int16)
    figures: dict[str, NDArray[Any]] = {
        "value": np.concatenate([nothing, inputs.values]),
        "status": np.concatenate([computed, inputs.statuses], dtype=np.int16),
        "score": scores.score,
        "rank": scores.rank,
        "share": scores.share,
        "estimated_share": scores.estimated_share,
    }
    comparison: dict[str, NDArray[Any]] = {
        "previous_score": inputs.previous_score,
        "previous_rank": inputs.previous_rank,
        "is_top_n": flags.top_n,
        "is_first_top_n": flags.first_top_n,
        "is_hidden_champion": flags.hidden_champion,
        "points_to_next_rank": np.array([points_to_next_rank(scores.score[row]) for row in compared]),
    }
    # Each array goes once it is put into order, so that the next has its memory: fresh memory took 1.2 of 4.4 s of
    # 100,000 cities.
    del scores, flags
    return Ranking(
        inputs.edition, inputs.revision, datetime.now(UTC), inputs.hash(), framework,
        tuple(inputs.cities[city] for city in order), _ordered(figures, order), _ordered(comparison, order),
        inputs.basis,
    )  # fmt: skip


def _ordered(figures: "dict[str, NDArray[Any]]", order: "NDArray[np.intp]") -> Figures:
    """The figures with their cities in *order*; *figures* is empty afterwards."""
    return {name: figures.pop(name).take(order, axis=1) for name in list(figures)}
