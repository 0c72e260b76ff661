"""A score as mutations and simulations take it."""

import strawberry

from db.change.score_proposal import ScoreChange


@strawberry.input(
    description="`measure`: the code of a parameter, an indicator or a category. A recorded indicator or category "
    "value stands in for the aggregate of what is below it. A null value removes the recorded one; "
    "a value that is left out is an error."
)
class ScoreInput:
    city: str = strawberry.field(description="Slug of the city.")
    measure: str = strawberry.field(description="Code of the measure.")
    value: float | None = strawberry.field(
        default=strawberry.UNSET,
        description="On the measure's own scale: 0 to its maximum for indicators and categories.",
    )
    source: str | None = strawberry.field(default=None, description="Instead of the call's source.")

    def change(self) -> ScoreChange:
        if self.value is strawberry.UNSET:
            return ScoreChange(self.city, self.measure, None, self.source, is_value_given=False)
        return ScoreChange(self.city, self.measure, self.value, self.source)
