"""Pages of a ranking: every order and filter, forwards and backwards, all of one revision."""

import itertools
from typing import Any

import pytest

from db.composite.framework import Aggregation, Level, Measure, Methodology, Normalisation
from db.dataset import load
from db.dataset.dataset import Dataset, EditionData, RecordedScore
from db.index.city import City
from db.index.score import ValueStatus
from db.postgres.pool import create_pool
from db.settings import Settings
from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, Recompute, rank_all, running_api

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $filter: RankingFilter,
  $order: RankingOrder) {
  ranking { revision entries(first: $first, after: $after, last: $last, before: $before, filter: $filter,
    orderBy: $order) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { rank rankChange city { name slug } } } nodes { city { slug } } } } }"""


async def walk(api: Api, *, forwards: bool, size: int, **arguments: Any) -> list[Any]:
    """The nodes of every page in turn, and what each page says of itself checked on the way."""
    found: list[Any] = []
    cursor = None
    for number in itertools.count():
        page = {"first": size, "after": cursor} if forwards else {"last": size, "before": cursor}
        entries = (await api.data(PAGE, arguments | page))["ranking"]["entries"]
        nodes = [edge["node"] for edge in entries["edges"]]
        assert [node["city"]["slug"] for node in entries["nodes"]] == [node["city"]["slug"] for node in nodes]
        found = found + nodes if forwards else nodes + found
        info = entries["pageInfo"]
        done = len(found) == entries["totalCount"]
        assert (info["hasNextPage"], info["hasPreviousPage"]) == (
            (not done, number > 0) if forwards else (number > 0, not done)
        )
        assert info["startCursor"] == entries["edges"][0]["cursor"]
        assert info["endCursor"] == entries["edges"][-1]["cursor"]
        if done:
            return found
        cursor = info["endCursor"] if forwards else info["startCursor"]
    raise AssertionError


@pytest.mark.parametrize("order", ["RANK_ASC", "RANK_DESC", "NAME_ASC", "RANK_CHANGE_DESC"])
@pytest.mark.parametrize("forwards", [True, False])
async def test_a_walk_meets_every_city_once_and_in_order(order: str, forwards: bool, read_api: Api) -> None:
    found = await walk(read_api, forwards=forwards, size=20, order=order)
    assert len({node["city"]["slug"] for node in found}) == len(found) == 83
    ranks = [node["rank"] for node in found]
    names = [node["city"]["name"] for node in found]
    climbed = [-999 if node["rankChange"] is None else node["rankChange"] for node in found]
    if order == "NAME_ASC":
        assert names[:3] + names[-2:] == ["Aachen", "Augsburg", "Bergisch Gladbach", "Wuppertal", "Würzburg"]
        assert names.index("Köln") == names.index("Koblenz") + 1
    elif order == "RANK_CHANGE_DESC":
        assert climbed == sorted(climbed, reverse=True)
    else:
        assert ranks == sorted(ranks, reverse=order == "RANK_DESC")


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"states": ["Bayern"]}, 8),
        ({"states": ["Bayern", "Berlin"], "minPopulation": 1_000_000}, 2),
        ({"cities": ["krefeld", "bonn", "nowhere"]}, 2),
        ({"maxPopulation": 100_000}, 5),
        ({"isTopTen": True}, 10),
        ({"isTopTen": False, "isHiddenChampion": True, "cities": ["krefeld", "muenchen"]}, 1),
        ({"cities": []}, 0),
    ],
)
async def test_filters(given: dict[str, Any], count: int, read_api: Api) -> None:
    entries = (await read_api.data(PAGE, {"filter": given, "first": 100}))["ranking"]["entries"]
    assert (entries["totalCount"], len(entries["nodes"])) == (count, count)


async def test_a_page_has_twenty_unless_it_says(read_api: Api) -> None:
    entries = (await read_api.data(PAGE))["ranking"]["entries"]
    assert [edge["node"]["rank"] for edge in entries["edges"]] == list(range(1, 21))
    assert entries["totalCount"] == 83


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 0}, "first is 0: it must be 1 to 100"),
        ({"first": 101}, "first is 101: it must be 1 to 100"),
        ({"last": -1}, "last is -1: it must be 1 to 100"),
        ({"first": 1, "last": 1}, "first and last exclude each other: give one"),
        ({"after": "x"}, "'x' is not a cursor of this connection"),
        ({"after": "eDp5Ono="}, "'eDp5Ono=' is not a cursor of this connection"),
    ],
)
async def test_other_values_are_an_error_that_says_so(arguments: dict[str, Any], message: str, read_api: Api) -> None:
    for query in (PAGE, PAGE.replace("ranking { revision", "ranking(revision: 1) { revision")):
        [error] = (await read_api.post(query, arguments))["errors"]
        assert (error["message"], error["extensions"]["code"]) == (message, "BAD_USER_INPUT")


async def test_page_two_belongs_to_page_one_while_a_recompute_lands(api: Api, recompute: Recompute) -> None:
    one = (await api.data(PAGE, {"first": 40}))["ranking"]
    await submit(api, [payment(0)])
    await recompute()
    await api.service.live.refresh()
    cursor = one["entries"]["pageInfo"]["endCursor"]
    two = (await api.data(PAGE, {"first": 43, "after": cursor}))["ranking"]
    assert two["revision"] == 1
    assert two["entries"]["edges"][0]["node"] | {"rankChange": 0} == {
        "rank": 41,
        "rankChange": 0,
        "city": {"name": "Krefeld", "slug": "krefeld"},
    }
    newest = (await api.data(PAGE))["ranking"]
    assert newest["revision"] == 2
    named = PAGE.replace("ranking { revision", "ranking(revision: 2) { revision")
    [error] = (await api.post(named, {"after": cursor}))["errors"]
    assert error["message"] == "the cursor belongs to revision 1 of edition 2025: ask that ranking for its entries"


async def test_equal_scores_share_a_rank_and_the_border_of_the_top_n(empty_settings: Settings) -> None:
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, _tied())
    await rank_all(empty_settings, pool)
    await pool.close()
    async with running_api(empty_settings) as api:
        query = """{ ranking { topTen { rank } entries { nodes { rank city { slug } isTopTen isFirstTopTen isUpperHalf
          previousRank pointsToNextRank pointsToTopTen } } } }"""
        ranking = (await api.data(query))["ranking"]
    nodes = ranking["entries"]["nodes"]
    assert [(node["city"]["slug"], node["rank"]) for node in nodes] == [("a", 1), ("b", 2), ("c", 2), ("d", 4)]
    assert [node["isTopTen"] for node in nodes] == [True, True, True, False]
    assert [node["isUpperHalf"] for node in nodes] == [True, True, True, False]
    assert [node["pointsToNextRank"] for node in nodes] == [None, 10, 10, 30]
    assert [node["pointsToTopTen"] for node in nodes] == [0, 0, 0, 30]
    assert {node["previousRank"] for node in nodes} == {None}
    assert len(ranking["topTen"]) == 3


def _tied() -> Dataset:
    """An edition of four made-up cities with a tie at the border of its Top 2."""
    edition = EditionData(
        Methodology(Normalisation.NONE, Aggregation.ARITHMETIC_MEAN, 2, 2, 2, 0),
        [Measure("c", Level.CATEGORY, None, "C", "C", 1)],
        dict.fromkeys("abcd"),
        [
            RecordedScore(city, "c", value, "made up", ValueStatus.RECORDED)
            for city, value in zip("abcd", (90.0, 80.0, 80.0, 50.0), strict=True)
        ],
    )
    return Dataset({slug: City(slug, slug.upper(), "Made Up", None, None) for slug in "abcd"}, {3000: edition})
