"""An edition from raw parameters, over the API: the bundled data has none, so everything here is made up."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from db.dataset import dataset, load
from db.index import definition, edition
from db.postgres.pool import create_pool
from db.settings import Settings
from tests import made_up
from tests.conftest import Api, rank_all, running_api, watching

CITIES, PARAMETERS = 100, 101
PROVENANCE = """query($first: Int) { ranking { entries(first: $first) { nodes { categories { indicators {
  parameters { value normalised status source recordedAt parameter { code unit direction normalisation } }
} } } } } }"""


@pytest_asyncio.fixture
async def made_up_api(empty_settings: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    """A server of a made-up edition of 100 cities and 101 parameters."""
    assert empty_settings.database_url is not None
    read = dataset.read(made_up.write(tmp_path, cities=CITIES, parameters=PARAMETERS))
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, read)
    await rank_all(empty_settings, pool)
    async with running_api(empty_settings) as api:
        yield api
    await pool.close()


async def test_ten_thousand_scores_in_one_call(made_up_api: Api) -> None:
    api = made_up_api
    scores = [
        {"city": f"made-up-{city:06}", "measure": f"parameter_{parameter}", "value": (city + parameter) % 101}
        for city in range(CITIES)
        for parameter in range(PARAMETERS)
    ][:10_000]
    query = """mutation($scores: [ScoreInput!]!) { submitScores(input: {edition: 3000, scores: $scores, source: "s"}) {
      submission { revision changeCount } errors { message } } }"""
    payload = (await api.data(query, {"scores": scores}, api.token()))["submitScores"]
    assert payload == {"submission": {"revision": 2, "changeCount": 10_000}, "errors": []}


async def test_parameters_show_value_and_provenance(made_up_api: Api) -> None:
    ranking = (await made_up_api.data(PROVENANCE, {"first": 1}))["ranking"]
    parameters = _parameters(ranking["entries"]["nodes"][0])
    assert len(parameters) == PARAMETERS
    for number, found in enumerate(parameters):
        assert found["parameter"] == {
            "code": f"parameter_{number}",
            "unit": "unit",
            "direction": ("LOWER_IS_BETTER", "HIGHER_IS_BETTER")[number % 2],
            "normalisation": ("MIN_MAX", "RANK", "FRACTION_OF_MAX", "NONE")[number % 4],
        }
        recorded = found["value"] is not None
        assert (found["normalised"] is not None, found["source"] == made_up.SOURCE) == (recorded, recorded)
        assert found["status"] == ("RECORDED" if recorded else "COMPUTED")
        assert (found["recordedAt"] is not None) == recorded


async def test_provenance_costs_the_same_statements_for_any_number_of_cities(made_up_api: Api) -> None:
    counts = []
    for first in (2, 4):
        async with watching(made_up_api) as statements:
            await made_up_api.data(PROVENANCE, {"first": first})
        counts.append(statements.containing("join submission su"))
    assert counts == [1, 1]


@pytest.mark.parametrize("first", [50, 100])
async def test_what_is_in_memory_costs_no_statement(first: int, made_up_api: Api) -> None:
    query = """query($first: Int) { ranking { entries(first: $first) { nodes { score rank city { name }
      categories { score rank indicators { score rank status indicator { code } parameters { value normalised } }
    } } } } }"""
    await made_up_api.data("{ ranking { revision } }")
    async with watching(made_up_api) as statements:
        ranking = (await made_up_api.data(query, {"first": first}))["ranking"]
    assert len(ranking["entries"]["nodes"]) == first
    # The process asks for newer rankings on a timer; asyncpg resets every connection that comes back.
    asked = {statement for statement in statements.seen if "RESET ALL" not in statement}
    assert asked <= {edition.STATES, definition.VERSION}


def _parameters(entry: Any) -> list[Any]:
    return [
        parameter
        for category in entry["categories"]
        for indicator in category["indicators"]
        for parameter in indicator["parameters"]
    ]
