"""The ranking that inputs give: maths from `db.composite`, in the form in which it is stored."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from db.composite.partial import Part
from db.composite.rank import competition_rank, points_to_next_rank
from db.composite.scoring import build_flags, build_scores
from db.index.score import STATUS_CODE, ValueStatus
from db.ranking.column import Rows
from db.ranking.inputs import Inputs
from db.ranking.ranking import Baseline, Ranking, compared_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays: TypeAlias = "list[NDArray[Any]]"

STATUS_TYPE = np.int16


def compute(inputs: Inputs, before: Baseline | None = None) -> Ranking:
    """The ranking of these inputs; a city without an overall score is not in it.

    With *before* it is the same, to the bit, and what the changed measures did not move is that ranking's own:
    `moved` says which columns are not.
    """
    moved: frozenset[int] | None = None
    if before is None:
        figures, comparison = _compute_all(inputs)
    else:
        figures, comparison, moved = _compute_from(inputs, before)
    return Ranking(
        inputs.edition, inputs.revision, datetime.now(UTC), inputs.hash(), inputs.framework, inputs.cities,
        figures, comparison, inputs.basis, moved=moved,
    )  # fmt: skip


def _compute_all(inputs: Inputs) -> "tuple[dict[str, Arrays], dict[str, Arrays]]":
    scores = build_scores(inputs.framework, inputs.values, _estimated(inputs.statuses))
    compared = compared_rows(inputs.framework)
    flags = build_flags(inputs.framework, scores.rank[compared], inputs.ever_top_n)
    count = len(inputs.cities)
    figures = {
        "value": [np.full(count, np.nan), *inputs.values],
        "status": [
            np.full(count, STATUS_CODE[ValueStatus.COMPUTED], STATUS_TYPE),
            *inputs.statuses.astype(STATUS_TYPE),
        ],
        "score": list(scores.score),
        "rank": list(scores.rank),
        "share": list(scores.share),
        "estimated_share": list(scores.estimated_share),
    }
    comparison = {
        "previous_score": list(inputs.previous_score),
        "previous_rank": list(inputs.previous_rank),
        "is_top_n": list(flags.top_n),
        "is_first_top_n": list(flags.first_top_n),
        "is_hidden_champion": list(flags.hidden_champion),
        "points_to_next_rank": [points_to_next_rank(scores.score[row]) for row in compared],
    }
    return figures, comparison


def _compute_from(inputs: Inputs, before: Baseline) -> "tuple[dict[str, Arrays], dict[str, Arrays], frozenset[int]]":
    part = Part(inputs.framework, before.changed)
    old = before.ranking
    estimated = _estimated(inputs.statuses[part.moved])
    old_scores = _rows(old.figures["score"], part.rows), _rows(old.figures["estimated_share"], part.rows)
    score, share, estimated_share = part.scores(inputs.values[part.moved], estimated, *old_scores)
    figures = {name: list(rows) for name, rows in old.figures.items()}
    comparison = {name: list(rows) for name, rows in old.comparison.items()}
    changed = sorted(before.changed)
    recorded = [1 + place for place in changed]
    moved = set(_put(figures["value"], recorded, inputs.values[changed]))
    moved.update(_put(figures["status"], recorded, inputs.statuses[changed].astype(STATUS_TYPE)))
    moved.update(_put(figures["share"], part.rows, share))
    moved.update(_put(figures["estimated_share"], part.rows, estimated_share))
    scored = _put(figures["score"], part.rows, score)
    moved.update(scored)
    _put(figures["rank"], scored, competition_rank(_rows(figures["score"], scored)))
    compared = compared_rows(inputs.framework)
    flags = build_flags(inputs.framework, _rows(figures["rank"], compared), inputs.ever_top_n)
    every = range(len(compared))
    flagged = _put(comparison["is_top_n"], every, flags.top_n)
    flagged += _put(comparison["is_first_top_n"], every, flags.first_top_n)
    flagged += _put(comparison["is_hidden_champion"], every, flags.hidden_champion)
    moved.update(compared[index] for index in flagged)
    again = [index for index, row in enumerate(compared) if row in scored]
    points = [points_to_next_rank(figures["score"][compared[index]]) for index in again]
    _put(comparison["points_to_next_rank"], again, points)
    return figures, comparison, frozenset(moved)


def _put(rows: Arrays, places: Sequence[int], arrays: "Iterable[NDArray[Any]]") -> list[int]:
    """Put in the arrays that differ from those that are there, and say where.

    Each is a copy: as a view it would keep all of the array that it is a row of.
    """
    replaced = []
    for place, array in zip(places, arrays, strict=True):
        if rows[place].tobytes() != array.tobytes():
            rows[place] = array.copy()
            replaced.append(place)
    return replaced


def _rows(rows: Rows, places: Sequence[int]) -> "NDArray[Any]":
    return np.array([rows[place] for place in places])


def _estimated(statuses: "NDArray[np.uint8]") -> "NDArray[np.bool_]":
    estimated: NDArray[np.bool_] = statuses == STATUS_CODE[ValueStatus.ESTIMATED]
    return estimated
