"""Explanations: what each indicator adds, and the least that would reach the next goal."""

import strawberry

from api.schema.type.framework import Category, Indicator
from api.schema.type.result import IndicatorResult
from api.state import explanation as explain
from api.state.explanation import Goal as GoalFound
from api.state.explanation import Part
from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL, Measure
from db.composite.smallest_raise import Raise

GoalKind = strawberry.enum(
    explain.GoalKind,
    name="GoalKind",
    description="NEXT_RANK: as many points as the next better city overall. TOP_TEN: the overall Top 10. "
    "CATEGORY_TOP_TEN: the Top 10 of a category.",
)


@strawberry.type(description="What one indicator adds to a city's scores, and how it compares.")
class IndicatorExplanation:
    snapshot: strawberry.Private[Snapshot]
    place: strawberry.Private[int]
    part: strawberry.Private[Part]

    @strawberry.field(description="The city's result in the indicator.")
    def result(self) -> IndicatorResult:
        return IndicatorResult(snapshot=self.snapshot, measure=self.part.indicator, place=self.place)

    @strawberry.field(description="Points that it adds to the category's score; null where it has no contribution.")
    def contribution_to_category(self) -> float | None:
        return self.part.to_category

    @strawberry.field(description="Points that it adds to the overall score; null where it has no contribution.")
    def contribution_to_overall(self) -> float | None:
        return self.part.to_overall

    @strawberry.field(description="The best score of all ranked cities; null when none has one.")
    def best(self) -> float | None:
        return self.part.best

    @strawberry.field(description="The median score of all ranked cities that have one; null when none has.")
    def median(self) -> float | None:
        return self.part.median

    @strawberry.field(description="Points behind the best; null without a score.")
    def points_to_best(self) -> float | None:
        return _difference(self.part.best, self.part.score)

    @strawberry.field(description="Points ahead of the median, negative behind it; null without a score.")
    def points_above_median(self) -> float | None:
        return _difference(self.part.score, self.part.median)


@strawberry.type(
    description="One indicator raised, everything else as it is. Recording `value` for it, by `submitScores` or "
    "`simulateRanking`, has this effect."
)
class IndicatorRaise:
    snapshot: strawberry.Private[Snapshot]
    raised: strawberry.Private[Raise]

    @strawberry.field(description="The indicator.")
    def indicator(self) -> Indicator:
        ranking = self.snapshot.ranking
        return Indicator(
            edition=ranking.edition, framework=ranking.framework, measure=_measure(self.snapshot, self.raised.code)
        )

    @strawberry.field(description="To record, on the indicator's own scale (0 to its maximum).")
    def value(self) -> float:
        return self.raised.value

    @strawberry.field(description="0-100, as it is.")
    def old_score(self) -> float:
        return self.raised.old_score

    @strawberry.field(description="0-100, as it would be.")
    def new_score(self) -> float:
        return self.raised.new_score

    @strawberry.field(description="newScore - oldScore.")
    def points(self) -> float:
        return self.raised.new_score - self.raised.old_score


@strawberry.type(description="Something that a city may reach.")
class Goal:
    snapshot: strawberry.Private[Snapshot]
    goal: strawberry.Private[GoalFound]

    @strawberry.field(description="What it is.")
    def kind(self) -> GoalKind:  # type: ignore[valid-type]
        return self.goal.kind

    @strawberry.field(description="Null: overall.")
    def category(self) -> Category | None:
        if self.goal.code == OVERALL:
            return None
        ranking = self.snapshot.ranking
        return Category(
            edition=ranking.edition, framework=ranking.framework, measure=_measure(self.snapshot, self.goal.code)
        )

    @strawberry.field(description="True when the city is there already.")
    def is_reached(self) -> bool:
        return self.goal.points == 0

    @strawberry.field(description="Points missing in the overall or the category's score; 0 when it is reached.")
    def points(self) -> float:
        return self.goal.points

    @strawberry.field(
        description="The smallest raise of a single indicator that would reach it, the other cities as they are; "
        "indicators without a score are not considered. Null when it is reached, and when no single indicator would do."
    )
    def smallest_raise(self) -> IndicatorRaise | None:
        found = self.goal.raise_
        return None if found is None else IndicatorRaise(snapshot=self.snapshot, raised=found)


@strawberry.type(description="Why a city stands where it stands, and what would move it.")
class Explanation:
    snapshot: strawberry.Private[Snapshot]
    place: strawberry.Private[int]

    @strawberry.field(description="Every indicator, in published order.")
    def indicators(self) -> list[IndicatorExplanation]:
        return [
            IndicatorExplanation(snapshot=self.snapshot, place=self.place, part=part)
            for part in explain.parts(self.snapshot, self.place)
        ]

    @strawberry.field(
        description="The next rank (not for rank 1), the Top 10, and the Top 10 of each category with a score."
    )
    def goals(self) -> list[Goal]:
        return [Goal(snapshot=self.snapshot, goal=goal) for goal in explain.goals(self.snapshot, self.place)]


def _measure(snapshot: Snapshot, code: str) -> Measure:
    framework = snapshot.ranking.framework
    return framework.measures[framework.position[code]]


def _difference(minuend: float | None, subtrahend: float | None) -> float | None:
    return None if minuend is None or subtrahend is None else minuend - subtrahend
