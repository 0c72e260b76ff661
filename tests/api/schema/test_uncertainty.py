"""Uncertainty analyses: requested once, computed by a worker, kept with their ranking."""

from typing import Any

import numpy as np
import pytest

from db.composite.uncertainty import Perturbation, draw_ranks, spread
from db.postgres.pool import Pool, transaction
from db.ranking import ranking as rankings
from db.ranking import store, uncertainty
from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, Recompute
from workers.analyse import analyse

ANALYSIS = """id status progress draws seed weightNoise varyAggregation requestedAt finishedAt error
  ranking { revision } ranks { nominalRank medianRank lowRank highRank topTenShare entry { city { slug } } }"""
REQUEST = f"""mutation($input: RequestUncertaintyInput!) {{ requestUncertainty(input: $input) {{
  analysis {{ {ANALYSIS} }} errors {{ code message path }} }} }}"""
READ = f"""query($id: ID!) {{ node(id: $id) {{ ... on UncertaintyAnalysis {{ {ANALYSIS} }} }}
  ranking(edition: 2025) {{ uncertainty {{ id }} entry(city: "krefeld") {{
    uncertainty {{ nominalRank medianRank lowRank highRank topTenShare }} }} }} }}"""


async def request(api: Api, **given: Any) -> Any:
    variables = {"input": {"edition": 2025, "draws": 200, **given}}
    return (await api.data(REQUEST, variables, api.token()))["requestUncertainty"]


async def ids(pool: Pool) -> list[int]:
    return [row["id"] for row in await pool.fetch("select id from uncertainty order by id")]


async def test_a_request_becomes_a_result_that_stays_with_its_ranking(api: Api, pool: Pool) -> None:
    asked = (await request(api, seed=7))["analysis"]
    assert asked | {"id": None, "requestedAt": None} == {
        "id": None, "status": "REQUESTED", "progress": 0, "draws": 200, "seed": 7, "weightNoise": 0.25,
        "varyAggregation": False, "requestedAt": None, "finishedAt": None, "error": None, "ranking": {"revision": 1},
        "ranks": [],
    }  # fmt: skip
    assert (await api.data(READ, {"id": asked["id"]}))["ranking"]["uncertainty"] is None
    [id_] = await ids(pool)
    await analyse(pool, id_)
    found = await api.data(READ, {"id": asked["id"]})
    done = found["node"]
    assert (done["status"], done["progress"], done["error"]) == ("FINISHED", 1, None)
    assert found["ranking"]["uncertainty"] == {"id": asked["id"]}
    assert len(done["ranks"]) == 83
    krefeld = next(rank for rank in done["ranks"] if rank["entry"]["city"]["slug"] == "krefeld")
    assert found["ranking"]["entry"]["uncertainty"] == {k: v for k, v in krefeld.items() if k != "entry"}
    assert krefeld["nominalRank"] == 41
    for rank in done["ranks"]:
        assert 1 <= rank["lowRank"] <= rank["medianRank"] <= rank["highRank"] <= 83
        assert 0 <= rank["topTenShare"] <= 1
    assert sum(rank["topTenShare"] for rank in done["ranks"]) == pytest.approx(10, abs=1e-9)
    assert any(rank["lowRank"] < rank["highRank"] for rank in done["ranks"])


async def test_the_result_is_that_of_the_maths_with_the_same_seed(api: Api, pool: Pool) -> None:
    await request(api, seed=3, weightNoise=0.5, varyAggregation=True)
    [id_] = await ids(pool)
    await analyse(pool, id_)
    [stored] = await rankings.by_key(pool, [(2025, 1)])
    [analysis] = await uncertainty.by_id(pool, [id_])
    assert stored is not None
    assert analysis is not None
    values = np.array([column.value for column in stored.columns[1:]], dtype=float)
    drawn = np.concatenate(list(draw_ranks(stored.framework, values, Perturbation(200, 3, 0.5, True))))
    expected = spread(stored.framework, drawn)
    assert (analysis.median, analysis.low) == (expected.median.tolist(), expected.low.tolist())
    assert (analysis.high, analysis.top_n_share) == (expected.high.tolist(), expected.top_n_share.tolist())


async def test_equal_requests_are_one_and_running_again_changes_nothing(api: Api, pool: Pool) -> None:
    first, again = await request(api), await request(api)
    assert first["analysis"]["id"] == again["analysis"]["id"] != (await request(api, seed=2))["analysis"]["id"]
    assert await pool.fetchval("select count(*) from outbox where uncertainty is not null") == 2
    id_ = (await ids(pool))[0]
    await analyse(pool, id_)
    before = await pool.fetchrow("select * from uncertainty where id = $1", id_)
    await analyse(pool, id_)
    assert await pool.fetchrow("select * from uncertainty where id = $1", id_) == before


async def test_it_is_about_the_revision_that_was_named(api: Api, pool: Pool, recompute: Recompute) -> None:
    await submit(api, [payment(0)])
    await recompute()
    await api.service.live.refresh()
    old = (await request(api, revision=1))["analysis"]
    new = (await request(api))["analysis"]
    assert (old["ranking"], new["ranking"]) == ({"revision": 1}, {"revision": 2})
    for id_ in await ids(pool):
        await analyse(pool, id_)
    ranks = []
    for asked in (old, new):
        done = (await api.data(READ, {"id": asked["id"]}))["node"]
        ranks.append({rank["entry"]["city"]["slug"]: rank["nominalRank"] for rank in done["ranks"]}["krefeld"])
    assert ranks[0] == 41 < ranks[1]


async def test_one_worker_at_a_time_and_a_poisonous_one_is_given_up(api: Api, pool: Pool) -> None:
    asked = (await request(api))["analysis"]
    [id_] = await ids(pool)
    async with uncertainty.attempt(pool, id_) as first, uncertainty.attempt(pool, id_) as second:
        assert first is not None
        assert second is None
    for _ in range(uncertainty.MAX_ATTEMPTS - 1):
        async with uncertainty.attempt(pool, id_) as attempted:
            assert attempted is not None
    await analyse(pool, id_)
    found = (await api.data(READ, {"id": asked["id"]}))["node"]
    assert (found["status"], found["error"], found["ranks"]) == ("FAILED", "gave up after 3 attempts", [])
    assert await uncertainty.unfinished(pool) == []


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"draws": 0}, [("OUT_OF_RANGE", ["draws"])]),
        (
            {"draws": 10_001, "seed": -1, "weightNoise": 1.01},
            [("OUT_OF_RANGE", [n]) for n in ("draws", "seed", "weightNoise")],
        ),
        ({"edition": 1999}, [("UNKNOWN_RANKING", ["edition"])]),
        ({"edition": 2022}, [("UNKNOWN_RANKING", ["edition"])]),
        ({"revision": 9}, [("UNKNOWN_RANKING", ["revision"])]),
    ],
)
async def test_what_is_wrong_is_named(given: dict[str, Any], errors: list[Any], read_api: Api, pool: Pool) -> None:
    payload = await request(read_api, **given)
    assert payload["analysis"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == errors


async def test_it_goes_with_its_ranking(api: Api, pool: Pool, recompute: Recompute) -> None:
    await request(api)
    await submit(api, [payment(0)])
    await recompute()
    async with transaction(pool) as writer:
        await store.prune(writer, [2025], 1)
    assert await ids(pool) == []
    assert await rankings.keys(pool, 2025) == [(2025, 2)]
