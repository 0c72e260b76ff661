"""What differs in the last bits only is neither a change nor a gap, and minus zero is zero."""

import pytest

from tests.api.schema.test_submission import SUBMIT
from tests.conftest import Api

METHODOLOGY = """mutation($input: SubmitMethodologyInput!) { submitMethodology(input: $input) {
  submission { revision } errors { code message path } } }"""
MEASURES = "{ categories(edition: 2025) { code weight indicators { code weight } } }"
SIMULATE = """query($input: SimulateRankingInput!) { simulateRanking(input: $input) {
  changes { city { slug } } errors { message } } }"""


async def test_weights_times_three_change_nothing(read_api: Api) -> None:
    categories = (await read_api.data(MEASURES))["categories"]
    measures = [*categories, *(indicator for category in categories for indicator in category["indicators"])]
    weights = [{"measure": each["code"], "weight": each["weight"] * 3} for each in measures]
    answer = await read_api.data(SIMULATE, {"input": {"edition": 2025, "methodology": {"weights": weights}}})
    assert answer["simulateRanking"] == {"changes": [], "errors": []}


async def test_no_gap_is_smaller_than_what_counts(read_api: Api) -> None:
    query = """{ ranking(edition: 2025) { entries(first: 100) { nodes { rank pointsToNextRank
      nextBetter { rank } categories { pointsToNextRank } } } } }"""
    entries = (await read_api.data(query))["ranking"]["entries"]["nodes"]
    gaps = [entry["pointsToNextRank"] for entry in entries]
    gaps += [category["pointsToNextRank"] for entry in entries for category in entry["categories"]]
    assert min(gap for gap in gaps if gap is not None) >= 1e-9
    assert all(entry["nextBetter"] is None or entry["nextBetter"]["rank"] < entry["rank"] for entry in entries)


@pytest.mark.parametrize("weight", [5e-324, 1e-7, 2e6, -1, 1e300])
async def test_a_weight_outside_a_sane_range_is_refused(read_api: Api, weight: float) -> None:
    change = {"weights": [{"measure": "mobility", "weight": weight}]}
    token = read_api.token()
    payload = (await read_api.data(METHODOLOGY, {"input": {"edition": 2025, "methodology": change}}, token))[
        "submitMethodology"
    ]
    [error] = payload["errors"]
    assert error["path"] == ["methodology", "weights", "0", "weight"]
    assert error["message"] == f"{float(weight)!r} is not a weight: it must be 0, or 1e-06 to 1e+06"


async def test_minus_zero_is_zero(api: Api) -> None:
    """Also for the idempotency key, whose content is then the same."""
    answers = []
    for value in (-0.0, 0.0):
        scores = [{"city": "krefeld", "measure": "payment", "value": value}]
        made = {"input": {"edition": 2025, "idempotencyKey": "made up", "scores": scores}}
        answers.append((await api.data(SUBMIT, made, api.token()))["submitScores"])
    assert answers[0] == answers[1]
    assert answers[0]["errors"] == []
    assert await api.service.pool.fetchval("select value::text from score where value = 0 limit 1") == "0"
