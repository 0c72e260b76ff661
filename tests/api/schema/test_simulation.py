"""A simulated ranking is what a submission of the same scores makes, and leaves nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from api.access.token import Role
from db.postgres.pool import Pool
from tests.api.schema.test_methodology import change
from tests.api.schema.test_submission import REFUSED, STATE, payment, submit
from tests.conftest import Api, Recompute

ENTRY = """rank score previousScore previousRank rankChange isTopTen isFirstTopTen isHiddenChampion
  hiddenChampionIn { code } pointsToNextRank pointsToTopTen isUpperHalf estimatedShare city { slug }
  categories { category { code } score rank previousScore previousRank rankChange isTopTen isFirstTopTen
    isHiddenChampion pointsToNextRank estimatedShare status
    indicators { value score rank weight contribution status } }"""
CATEGORIES = ("administration", "it_communication", "energy_environment", "mobility", "society_education")
CHANGE = """city { slug } category { code } oldRank newRank oldScore newScore enteredTopTen leftTopTen
  becameHiddenChampion ceasedHiddenChampion"""
SIMULATE = f"""query($input: SimulateRankingInput!) {{ simulateRanking(input: $input) {{
  entries {{ {ENTRY} }} first: entries(first: 1) {{ id rank }} changes {{ {CHANGE} }} errors {{ code path }} }} }}"""
RANKING = f"""query($edition: Int) {{ ranking(edition: $edition) {{ revision
  entries(first: 100) {{ nodes {{ {ENTRY} }} }} changes {{ {CHANGE} }} }} }}"""


@pytest.mark.parametrize(
    ("edition", "scores"),
    [
        (2025, [payment(0), payment(100, city="bonn")]),
        (2025, [payment(None)]),
        (2025, [{"city": "krefeld", "measure": "administration", "value": 12.5}]),
        (2025, [{"city": "krefeld", "measure": "other_administration_projects", "value": 0}]),
        (2024, [{"city": "krefeld", "measure": code, "value": 100} for code in ("administration", "mobility")]),
        (2024, [{"city": "krefeld", "measure": code, "value": None} for code in CATEGORIES]),
    ],
)
async def test_it_equals_what_a_submission_makes(
    edition: int, scores: list[dict[str, Any]], api: Api, recompute: Recompute, pool: Pool
) -> None:
    before = await pool.fetchrow(STATE)
    simulated = (await api.data(SIMULATE, {"input": {"edition": edition, "scores": scores}}))["simulateRanking"]
    assert await pool.fetchrow(STATE) == before
    await submit(api, scores, edition=edition)
    await recompute()
    await api.service.live.refresh()
    ranking = (await api.data(RANKING, {"edition": edition}))["ranking"]
    assert ranking["revision"] == 2
    assert simulated["entries"] == ranking["entries"]["nodes"]
    assert simulated["changes"] == ranking["changes"] != []


METHODOLOGIES: list[dict[str, Any]] = [
    {"weights": [{"measure": "mobility", "weight": 5}, {"measure": "payment", "weight": 0}]},
    {"aggregation": "GEOMETRIC_MEAN"},
    {"topN": 3, "hiddenChampion": {"categoryTopN": 5, "overallRankWorseThan": 30}},
]


@pytest.mark.parametrize("methodology", METHODOLOGIES)
@pytest.mark.parametrize("scores", [[], [payment(3)]])
async def test_a_methodology_equals_what_its_submission_makes(
    methodology: dict[str, Any], scores: list[dict[str, Any]], api: Api, recompute: Recompute, pool: Pool
) -> None:
    before = await pool.fetchrow(STATE)
    given = {"edition": 2025, "methodology": methodology} | ({"scores": scores} if scores else {})
    simulated = (await api.data(SIMULATE, {"input": given}))["simulateRanking"]
    assert (simulated["errors"], await pool.fetchrow(STATE)) == ([], before)
    assert (await change(api, methodology))["errors"] == []
    if scores:
        await submit(api, scores)
    await recompute()
    await api.service.live.refresh()
    ranking = (await api.data(RANKING.replace("changes {", "changes(since: 1) {"), {"edition": 2025}))["ranking"]
    assert simulated["entries"] == ranking["entries"]["nodes"]
    assert simulated["changes"] == ranking["changes"] != []


SCORES = st.lists(
    st.tuples(
        st.sampled_from(["krefeld", "bonn", "muenchen", "siegen", "aachen"]),
        st.sampled_from([*CATEGORIES, "payment", "broadband", "service_portal", "residents_concerns"]),
        st.one_of(st.none(), st.integers(0, 100), st.floats(0, 100)),
    ),
    max_size=12,
    unique_by=lambda score: score[:2],
)
WEIGHTS = st.dictionaries(st.sampled_from([*CATEGORIES, "payment", "broadband"]), st.floats(0.01, 50), max_size=4)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(scores=SCORES, weights=WEIGHTS, aggregation=st.sampled_from([None, "ARITHMETIC_MEAN", "GEOMETRIC_MEAN"]))
async def test_whatever_is_assumed_equals_what_its_submission_makes(
    scores: list[Any], weights: dict[str, float], aggregation: str | None, api: Api, recompute: Recompute, pool: Pool
) -> None:
    """Each example starts from where the one before left the edition."""
    values = [{"city": city, "measure": measure, "value": value} for city, measure, value in scores]
    methodology = {
        "weights": [{"measure": measure, "weight": weight} for measure, weight in weights.items()],
        "aggregation": aggregation,
    }
    assume(values or weights or aggregation)
    changes_methodology = bool(weights or aggregation)
    base = await pool.fetchval("select max(revision) from ranking where edition = 2025")
    given = {"edition": 2025, "scores": values} | ({"methodology": methodology} if changes_methodology else {})
    simulated = (await api.data(SIMULATE, {"input": given}))["simulateRanking"]
    assert simulated["errors"] == []
    if changes_methodology:
        assert (await change(api, methodology))["errors"] == []
    if values:
        await submit(api, values)
    await recompute()
    await api.service.live.refresh()
    ranking = (await api.data(RANKING.replace("changes {", f"changes(since: {base}) {{"), {"edition": 2025}))["ranking"]
    assert simulated["entries"] == ranking["entries"]["nodes"]
    assert simulated["changes"] == ranking["changes"]


async def test_a_city_that_loses_all_its_values_leaves_the_ranking(read_api: Api) -> None:
    scores = [{"city": "krefeld", "measure": code, "value": None} for code in CATEGORIES]
    simulated = (await read_api.data(SIMULATE, {"input": {"edition": 2024, "scores": scores}}))["simulateRanking"]
    assert "krefeld" not in [entry["city"]["slug"] for entry in simulated["entries"]]
    assert len(simulated["entries"]) == 81
    [gone] = [c for c in simulated["changes"] if c["city"]["slug"] == "krefeld" and c["category"] is None]
    assert (gone["oldRank"], gone["newRank"], gone["newScore"]) == (43, None, None)


async def test_the_first_scores_of_an_edition(api: Api, recompute: Recompute) -> None:
    scores = [{"city": city, "measure": "mobility", "value": value} for city, value in (("bonn", 5), ("krefeld", 8))]
    simulated = (await api.data(SIMULATE, {"input": {"edition": 2022, "scores": scores}}))["simulateRanking"]
    assert [(e["city"]["slug"], e["score"], e["previousRank"]) for e in simulated["entries"]] == [
        ("krefeld", 8, 62),
        ("bonn", 5, 12),
    ]
    await submit(api, scores, edition=2022)
    await recompute()
    await api.service.live.refresh()
    ranking = (await api.data(RANKING, {"edition": 2022}))["ranking"]
    assert simulated["entries"] == ranking["entries"]["nodes"]
    assert simulated["changes"] == ranking["changes"] == []


@pytest.mark.parametrize("name", [name for name, (given, _) in REFUSED.items() if set(given) <= {"edition", "scores"}])
async def test_it_refuses_what_a_submission_refuses(name: str, read_api: Api) -> None:
    given, expected = REFUSED[name]
    # With a token: without one, a body is refused before anybody counts its scores.
    asked = {"input": {"edition": 2025} | given}
    simulated = (await read_api.data(SIMULATE, asked, read_api.token(Role.READER)))["simulateRanking"]
    assert [(error["code"], error["path"]) for error in simulated["errors"]] == expected
    assert (simulated["entries"], simulated["changes"]) == ([], [])


async def test_fewer_than_one_entry_is_an_error(read_api: Api) -> None:
    query = """query($input: SimulateRankingInput!) { simulateRanking(input: $input) { entries(first: 0) { rank } } }"""
    [error] = (await read_api.post(query, {"input": {"edition": 2025, "scores": [payment()]}}))["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("first is 0: it must be at least 1", "BAD_USER_INPUT")


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
        ({"edition": 2025}, [{"code": "EMPTY", "path": ["scores"]}]),
        (
            {"edition": 2025, "methodology": {"topN": 0}},
            [{"code": "OUT_OF_RANGE", "path": ["methodology", "topN"]}],
        ),
        ({"edition": 2025, "scores": [payment(101)]}, [{"code": "OUT_OF_RANGE", "path": ["scores", "0", "value"]}]),
    ],
)
async def test_errors_are_data(given: dict[str, Any], errors: list[Any], read_api: Api) -> None:
    simulated = (await read_api.data(SIMULATE, {"input": given}))["simulateRanking"]
    assert simulated == {"entries": [], "first": [], "changes": [], "errors": errors}
