"""Peer groups: the same scores, ranked among some cities."""

from typing import Any

import pytest
from scipy.stats import rankdata

from tests.conftest import Api

ALL = """{ ranking(edition: 2025) { entries(first: 100) { nodes { score city { slug state population }
  categories { category { code } score } } } } }"""
PEERS = """query($states: [String!], $min: Int, $max: Int, $city: String!) { ranking(edition: 2025) {
  peers(states: $states, minPopulation: $min, maxPopulation: $max) { cityCount
    entries { rank entry { rank city { slug } } categories { rank result { category { code } rank } } }
    first: entries(first: 1) { rank } entry(city: $city) { rank } } } }"""


async def peers(api: Api, **group: Any) -> Any:
    return (await api.data(PEERS, {"city": "krefeld", **group}))["ranking"]["peers"]


@pytest.mark.parametrize(
    "group",
    [
        {"states": ["Nordrhein-Westfalen"]},
        {"states": ["Sachsen", "Bayern"]},
        {"min": 200_000, "max": 500_000},
        {"states": ["Nordrhein-Westfalen"], "max": 300_000},
        {},
    ],
)
async def test_ranks_agree_with_an_independent_computation(group: dict[str, Any], read_api: Api) -> None:
    nodes = (await read_api.data(ALL))["ranking"]["entries"]["nodes"]
    chosen = [
        node
        for node in nodes
        if node["city"]["state"] in group.get("states", [node["city"]["state"]])
        and group.get("min", 0) <= node["city"]["population"] <= group.get("max", 10**9)
    ]
    found = await peers(read_api, **group)
    assert 1 < found["cityCount"] == len(chosen) == len(found["entries"])
    ranks = rankdata([-round(node["score"], 9) for node in chosen], method="min").astype(int).tolist()
    assert [entry["entry"]["city"]["slug"] for entry in found["entries"]] == [n["city"]["slug"] for n in chosen]
    assert [entry["rank"] for entry in found["entries"]] == ranks
    for number in range(5):
        scores = [-round(node["categories"][number]["score"], 9) for node in chosen]
        assert [entry["categories"][number]["rank"] for entry in found["entries"]] == rankdata(scores, "min").tolist()
    slugs = [node["city"]["slug"] for node in chosen]
    expected = {"rank": ranks[slugs.index("krefeld")]} if "krefeld" in slugs else None
    assert found["entry"] == expected
    assert found["first"] == [{"rank": 1}]


@pytest.mark.parametrize("group", [{"states": []}, {"states": ["Atlantis"]}, {"min": 5, "max": 4}])
async def test_an_empty_group_is_empty(group: dict[str, Any], read_api: Api) -> None:
    assert await peers(read_api, **group) == {"cityCount": 0, "entries": [], "first": [], "entry": None}
