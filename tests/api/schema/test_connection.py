"""Pages of cities and entries: filters, both directions, cursors from elsewhere, and values that are refused."""

import base64
from typing import Any

import pytest

from api.operation.limits import NAME_CHARACTERS
from db.excerpt import shortened
from tests.api.schema.test_entry import PAGE, walk
from tests.conftest import Api

CITIES = """query($first: Int, $after: String, $last: Int, $before: String, $filter: CityFilter) {
  cities(first: $first, after: $after, last: $last, before: $before, filter: $filter) { totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { slug } } nodes { slug } } }"""
BETWEEN = """query($after: String, $before: String, $first: Int, $last: Int) { ranking { entries(first: $first,
  last: $last, after: $after, before: $before) { pageInfo { hasNextPage hasPreviousPage startCursor }
  totalCount nodes { rank } } } }"""
NORTH_RHINE = {"states": ["Nordrhein-Westfalen"], "isTopTen": False, "minPopulation": 150_000}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"first": 0}, "first is 0: it must be 1 to 100"),
    ({"first": 101}, "first is 101: it must be 1 to 100"),
    ({"first": -1}, "first is -1: it must be 1 to 100"),
    ({"last": 0}, "last is 0: it must be 1 to 100"),
    ({"last": 101}, "last is 101: it must be 1 to 100"),
    ({"last": -1}, "last is -1: it must be 1 to 100"),
    ({"first": 20, "last": 20}, "first and last exclude each other: give one"),
]


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


GARBAGE = [
    "", "x", "=", "ä", "\0", "a" * 10_000, cursor(""), cursor("2025:1"), cursor("2025:1:krefeld:more"),
    cursor("x:1:krefeld"), cursor("2025:-1:krefeld"), cursor("2025:²:krefeld"), cursor("٢٠٢٥:1:krefeld"),
    cursor("2025:99999999999:krefeld"), cursor("9" * 5000 + ":1:krefeld"), cursor("city"),
    base64.b64encode(b"\xff\xfe:1:2").decode(),
]  # fmt: skip


@pytest.mark.parametrize("order", ["RANK_ASC", "RANK_DESC", "NAME_ASC", "RANK_CHANGE_DESC"])
async def test_a_filtered_walk_meets_the_same_cities_both_ways(order: str, read_api: Api) -> None:
    everyone = await walk(read_api, forwards=True, size=100, order=order)
    there = await walk(read_api, forwards=True, size=9, order=order, filter=NORTH_RHINE)
    back = await walk(read_api, forwards=False, size=9, order=order, filter=NORTH_RHINE)
    assert there == back
    slugs = [node["city"]["slug"] for node in there]
    assert slugs == [node["city"]["slug"] for node in everyone if node["city"]["slug"] in slugs]
    assert len(set(slugs)) == len(slugs) == 20


async def test_a_cursor_keeps_its_place_when_the_filter_changes(read_api: Api) -> None:
    fifth = (await read_api.data(PAGE, {"first": 5}))["ranking"]["entries"]["pageInfo"]["endCursor"]
    following = (await read_api.data(PAGE, {"after": fifth, "filter": {"states": ["Bayern"]}}))["ranking"]["entries"]
    assert following["edges"][0]["node"]["city"]["slug"] == "nuernberg"
    assert following["pageInfo"]["hasPreviousPage"] is True
    assert following["totalCount"] == 8


@pytest.mark.parametrize(
    ("size", "ranks", "more"),
    [
        ({}, [4, 5, 6], (True, True)),
        ({"first": 2}, [4, 5], (True, True)),
        ({"last": 2}, [5, 6], (True, True)),
        ({"first": 100}, [4, 5, 6], (True, True)),
    ],
)
async def test_a_page_lies_between_its_cursors(
    size: dict[str, int], ranks: list[int], more: tuple[bool, bool], read_api: Api
) -> None:
    edges = (await read_api.data(PAGE))["ranking"]["entries"]["edges"]
    between = {"after": edges[2]["cursor"], "before": edges[6]["cursor"]}
    entries = (await read_api.data(BETWEEN, between | size))["ranking"]["entries"]
    assert [node["rank"] for node in entries["nodes"]] == ranks
    assert (entries["pageInfo"]["hasNextPage"], entries["pageInfo"]["hasPreviousPage"]) == more
    assert entries["totalCount"] == 83


async def test_nothing_lies_between_crossed_cursors(read_api: Api) -> None:
    edges = (await read_api.data(PAGE))["ranking"]["entries"]["edges"]
    crossed = {"after": edges[6]["cursor"], "before": edges[2]["cursor"]}
    entries = (await read_api.data(BETWEEN, crossed))["ranking"]["entries"]
    assert (entries["nodes"], entries["pageInfo"]["startCursor"], entries["totalCount"]) == ([], None, 83)


async def test_the_last_page_ends_with_the_last_city(read_api: Api) -> None:
    entries = (await read_api.data(PAGE, {"last": 3}))["ranking"]["entries"]
    assert [edge["node"]["rank"] for edge in entries["edges"]] == [81, 82, 83]
    info = entries["pageInfo"]
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, True)
    after = (await read_api.data(PAGE, {"after": info["endCursor"]}))["ranking"]["entries"]
    assert (after["edges"], after["totalCount"]) == ([], 83)
    none = {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}
    assert after["pageInfo"] == none


@pytest.mark.parametrize("forwards", [True, False])
@pytest.mark.parametrize("given", [None, {"states": ["Hessen", "Sachsen"], "maxPopulation": 600_000}])
async def test_a_walk_over_cities(given: dict[str, Any] | None, forwards: bool, read_api: Api) -> None:
    found: list[str] = []
    place, total = None, 83 if given is None else 8
    while len(found) < total:
        page = {"first": 4, "after": place} if forwards else {"last": 4, "before": place}
        cities = (await read_api.data(CITIES, page | {"filter": given}))["cities"]
        slugs = [edge["node"]["slug"] for edge in cities["edges"]]
        assert slugs == [node["slug"] for node in cities["nodes"]]
        started, found = bool(found), found + slugs if forwards else slugs + found
        info, more = cities["pageInfo"], len(found) < total
        assert (info["hasNextPage"], info["hasPreviousPage"]) == ((more, started) if forwards else (started, more))
        assert (info["startCursor"], info["endCursor"]) == (cities["edges"][0]["cursor"], cities["edges"][-1]["cursor"])
        assert cities["totalCount"] == total
        place = info["endCursor"] if forwards else info["startCursor"]
    everyone = [node["slug"] for node in (await read_api.data(CITIES, {"first": 100}))["cities"]["nodes"]]
    assert found == [slug for slug in everyone if slug in found]
    assert len(set(found)) == total


async def test_a_page_of_cities_has_twenty_unless_it_says(read_api: Api) -> None:
    cities = (await read_api.data(CITIES))["cities"]
    assert (len(cities["nodes"]), cities["nodes"][0], cities["totalCount"]) == (20, {"slug": "aachen"}, 83)
    backwards = (await read_api.data(CITIES, {"before": cities["edges"][5]["cursor"]}))["cities"]
    assert backwards["nodes"] == cities["nodes"][:5]


@pytest.mark.parametrize("query", [PAGE, CITIES, PAGE.replace("ranking {", "ranking(edition: 2025, revision: 1) {", 1)])
@pytest.mark.parametrize(("arguments", "message"), REFUSED)
async def test_other_sizes_are_an_error_that_says_so(
    arguments: dict[str, Any], message: str, query: str, read_api: Api
) -> None:
    [error] = (await read_api.post(query, arguments))["errors"]
    assert (error["message"], error["extensions"]) == (message, {"code": "BAD_USER_INPUT"})


@pytest.mark.parametrize("query", [PAGE, CITIES, PAGE.replace("ranking {", "ranking(revision: 1) {", 1)])
@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_no_cursor(text: str, argument: str, query: str, read_api: Api) -> None:
    [error] = (await read_api.post(query, {argument: text}))["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    too_long = f"{argument} has {len(text)} characters: {NAME_CHARACTERS} are allowed"
    assert error["message"] in (shortened(f"{text!r} is not a cursor of this connection"), too_long)


async def test_a_cursor_of_a_city_that_is_not_there(read_api: Api) -> None:
    [error] = (await read_api.post(CITIES, {"after": cursor("city:nowhere")}))["errors"]
    assert error["message"] == f"{cursor('city:nowhere')!r} is not a cursor of this connection"


async def test_a_cursor_of_another_ranking(read_api: Api) -> None:
    of_2024 = cursor("2024:1:krefeld")
    query = "query($after: String) { ranking { edition { year } entries(first: 1, after: $after) { nodes { rank } } } }"
    found = (await read_api.data(query, {"after": of_2024}))["ranking"]
    assert found == {"edition": {"year": 2024}, "entries": {"nodes": [{"rank": 44}]}}
    expected = "the cursor belongs to revision 1 of edition 2024: ask that ranking for its entries"
    for named in ("edition: 2025", "edition: 2025, revision: 1", "revision: 1"):
        [error] = (await read_api.post(query.replace("ranking {", f"ranking({named}) {{"), {"after": of_2024}))[
            "errors"
        ]
        assert (error["message"], error["extensions"]["code"]) == (expected, "BAD_USER_INPUT")
    through = query.replace("ranking {", "edition { ranking {").replace("} } }", "} } } }")
    [error] = (await read_api.post(through, {"after": of_2024}))["errors"]
    assert error["message"] == expected


async def test_cursors_of_two_rankings_in_one(read_api: Api) -> None:
    query = """query($one: String, $two: String) { ranking { a: entries(after: $one) { totalCount }
      ...B } } fragment B on Ranking { b: entries(before: $two) { totalCount } }"""
    cursors = {"one": cursor("2025:1:krefeld"), "two": cursor("2024:1:krefeld")}
    [error] = (await read_api.post(query, cursors))["errors"]
    assert error["message"] == "the cursors of this ranking belong to different rankings"


async def test_a_cursor_of_a_revision_that_never_was_names_no_ranking(read_api: Api) -> None:
    assert await read_api.data(PAGE, {"after": cursor("2025:7:krefeld")}) == {"ranking": None}
