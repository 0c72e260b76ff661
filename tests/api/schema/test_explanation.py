"""Explanations: contributions that add up, goals that are reached when their raise is recorded."""

from typing import Any

import numpy as np
import pytest

from tests.conftest import Api

EXPLANATION = """explanation {
  indicators { result { indicator { code category { code } } score contribution }
    contributionToCategory contributionToOverall best median pointsToBest pointsAboveMedian }
  goals { kind category { code } isReached points
    smallestRaise { indicator { code } value oldScore newScore points } } }"""
ENTRY = f"""query($city: String!, $revision: Int) {{ ranking(edition: 2025, revision: $revision) {{
  entry(city: $city) {{ rank score pointsToNextRank pointsToTopTen
    categories {{ category {{ code }} score rank isTopTen }} {EXPLANATION} }} }} }}"""


async def entry(api: Api, city: str, revision: int | None = None) -> Any:
    return (await api.data(ENTRY, {"city": city, "revision": revision}))["ranking"]["entry"]


async def test_the_press_release_is_one_query_each(read_api: Api) -> None:
    """0.1 points behind Düsseldorf, and 19 places up."""
    found = await read_api.data(
        """{ city(slug: "krefeld") { result(edition: 2025) { nextBetter { rank }
             category(code: "administration") { rankChange pointsToNextRank nextBetter { rank city { name } } } } } }"""
    )
    result = found["city"]["result"]
    assert result["nextBetter"] == {"rank": 40}
    assert result["category"]["rankChange"] == 19
    assert round(result["category"]["pointsToNextRank"], 1) == 0.1
    assert result["category"]["nextBetter"] == {"rank": 7, "city": {"name": "Düsseldorf"}}


@pytest.mark.parametrize("city", ["krefeld", "muenchen", "siegen"])
async def test_contributions_add_up_to_the_scores(city: str, read_api: Api) -> None:
    found = await entry(read_api, city)
    parts = found["explanation"]["indicators"]
    assert len(parts) == 37
    assert sum(part["contributionToOverall"] for part in parts) == pytest.approx(found["score"], abs=1e-9)
    for category in found["categories"]:
        below = [p for p in parts if p["result"]["indicator"]["category"]["code"] == category["category"]["code"]]
        assert sum(p["contributionToCategory"] for p in below) == pytest.approx(category["score"], abs=1e-9)
        assert [p["contributionToCategory"] for p in below] == [p["result"]["contribution"] for p in below]


async def test_best_and_median_are_those_of_all_cities(read_api: Api) -> None:
    query = """{ ranking(edition: 2025) { entries(first: 100) { nodes { category(code: "mobility") {
      indicators { indicator { code } score } } } } } }"""
    nodes = (await read_api.data(query))["ranking"]["entries"]["nodes"]
    scores: dict[str, list[float]] = {}
    for node in nodes:
        for indicator in node["category"]["indicators"]:
            scores.setdefault(indicator["indicator"]["code"], []).append(indicator["score"])
    parts = {
        p["result"]["indicator"]["code"]: p for p in (await entry(read_api, "krefeld"))["explanation"]["indicators"]
    }
    for code, column in scores.items():
        part, own = parts[code], parts[code]["result"]["score"]
        assert (part["best"], part["median"]) == (max(column), pytest.approx(float(np.median(column)), abs=1e-12))
        assert part["pointsToBest"] == max(column) - own
        assert part["pointsAboveMedian"] == pytest.approx(own - float(np.median(column)), abs=1e-12)


async def test_the_goals_of_the_press_releases_city(read_api: Api) -> None:
    found = await entry(read_api, "krefeld")
    goals = {(g["kind"], g["category"] and g["category"]["code"]): g for g in found["explanation"]["goals"]}
    assert [kind for kind, _ in goals] == ["NEXT_RANK", "TOP_TEN", *["CATEGORY_TOP_TEN"] * 5]
    assert goals["NEXT_RANK", None]["points"] == found["pointsToNextRank"]
    assert goals["TOP_TEN", None]["points"] == found["pointsToTopTen"] > 0
    assert goals["TOP_TEN", None]["smallestRaise"] is None, "13 points overall are more than one indicator has"
    administration = goals["CATEGORY_TOP_TEN", "administration"]
    assert (administration["isReached"], administration["points"], administration["smallestRaise"]) == (True, 0, None)
    for category in found["categories"]:
        assert goals["CATEGORY_TOP_TEN", category["category"]["code"]]["isReached"] == category["isTopTen"]


async def test_the_best_city_has_no_next_rank(read_api: Api) -> None:
    found = await entry(read_api, "muenchen")
    assert found["rank"] == 1
    first = found["explanation"]["goals"][0]
    assert (first["kind"], first["isReached"]) == ("TOP_TEN", True)


SIMULATE = """query($input: SimulateRankingInput!) { simulateRanking(input: $input) { entries { rank isTopTen
  city { slug } categories { category { code } isTopTen } } } }"""


@pytest.mark.parametrize("city", ["krefeld", "bochum", "siegen"])
async def test_recording_the_smallest_raise_reaches_the_goal(city: str, read_api: Api) -> None:
    found = await entry(read_api, city)
    raises = [(goal, goal["smallestRaise"]) for goal in found["explanation"]["goals"] if goal["smallestRaise"]]
    assert raises
    for goal, raised in raises:
        scores = [{"city": city, "measure": raised["indicator"]["code"], "value": raised["value"]}]
        simulated = await read_api.data(SIMULATE, {"input": {"edition": 2025, "scores": scores}})
        [line] = [e for e in simulated["simulateRanking"]["entries"] if e["city"]["slug"] == city]
        match goal["kind"]:
            case "NEXT_RANK":
                assert line["rank"] < found["rank"]
            case "TOP_TEN":
                assert line["isTopTen"]
            case "CATEGORY_TOP_TEN":
                top_ten = {c["category"]["code"]: c["isTopTen"] for c in line["categories"]}
                assert top_ten[goal["category"]["code"]]


async def test_explaining_everyone_at_once_costs_too_much(read_api: Api) -> None:
    query = "{ ranking { entries(first: 83) { nodes { explanation { goals { points } } } } } }"
    [error] = (await read_api.post(query))["errors"]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
