"""A simulated ranking is what a submission of the same scores makes, and leaves nothing."""

from typing import Any

import pytest

from db.pool import Pool
from tests.api.schema.test_submission import STATE, payment, submit
from tests.conftest import Api, Recompute

ENTRY = """rank score previousRank rankChange isTopTen isFirstTopTen isHiddenChampion pointsToNextRank estimatedShare
  city { slug } categories { category { code } score rank status isHiddenChampion
    indicators { value score rank status } }"""
CHANGE = """city { slug } category { code } oldRank newRank oldScore newScore enteredTopTen leftTopTen
  becameHiddenChampion ceasedHiddenChampion"""
SIMULATE = f"""query($input: SimulateRankingInput!) {{ simulateRanking(input: $input) {{
  entries {{ {ENTRY} }} first: entries(first: 1) {{ id rank }} changes {{ {CHANGE} }} errors {{ code path }} }} }}"""
RANKING = f"{{ ranking {{ revision entries(first: 100) {{ nodes {{ {ENTRY} }} }} changes {{ {CHANGE} }} }} }}"


@pytest.mark.parametrize(
    "scores",
    [
        [payment(0), payment(100, city="bonn")],
        [payment(None)],
        [{"city": "krefeld", "measure": "administration", "value": 12.5}],
        [{"city": "krefeld", "measure": "other_administration_projects", "value": 0}],
    ],
)
async def test_it_equals_what_a_submission_makes(
    scores: list[dict[str, Any]], api: Api, recompute: Recompute, pool: Pool
) -> None:
    before = await pool.fetchrow(STATE)
    simulated = (await api.data(SIMULATE, {"input": {"edition": 2025, "scores": scores}}))["simulateRanking"]
    assert await pool.fetchrow(STATE) == before
    await submit(api, scores)
    await recompute()
    await api.service.index.refresh()
    ranking = (await api.data(RANKING))["ranking"]
    assert ranking["revision"] == 2
    assert simulated["entries"] == ranking["entries"]["nodes"]
    assert simulated["changes"] == ranking["changes"] != []


async def test_its_entries_do_not_resolve(read_api: Api) -> None:
    given = {"edition": 2025, "scores": [payment(0)]}
    [entry] = (await read_api.data(SIMULATE, {"input": given}))["simulateRanking"]["first"]
    node = await read_api.data("query($id: ID!) { node(id: $id) { id } }", {"id": entry["id"]})
    assert (entry["rank"], node) == (1, {"node": None})


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"edition": 1999, "scores": [payment()]}, [{"code": "UNKNOWN_EDITION", "path": ["edition"]}]),
        ({"edition": 2025, "scores": []}, [{"code": "EMPTY", "path": ["scores"]}]),
        ({"edition": 2025, "scores": [payment(101)]}, [{"code": "OUT_OF_RANGE", "path": ["scores", "0", "value"]}]),
    ],
)
async def test_errors_are_data(given: dict[str, Any], errors: list[Any], read_api: Api) -> None:
    simulated = (await read_api.data(SIMULATE, {"input": given}))["simulateRanking"]
    assert simulated == {"entries": [], "first": [], "changes": [], "errors": errors}
