"""What can be asked: cities, editions, nodes, published facts, the rankings of categories."""

import base64
from typing import Any

import pytest

from tests.conftest import Api

NODES = """{ ranking { id edition { id } entry(city: "krefeld") { id city { id } categories { category { id }
  indicators { indicator { id } } } } } }"""


async def test_editions_come_newest_first_and_the_ranked_one_is_the_default(read_api: Api) -> None:
    query = """{ editions { year revision cityCount ranking { revision cityCount } } edition { year }
      none: edition(year: 1999) { year } }"""
    data = await read_api.data(query)
    assert [e["year"] for e in data["editions"]] == [2025, 2024, 2023, 2022, 2021, 2020, 2019]
    assert [e["cityCount"] for e in data["editions"]] == [83, 82, 81, 81, 81, 81, 81]
    assert [e["revision"] for e in data["editions"]] == [1, 1, 0, 0, 0, 0, 0]
    assert [e["ranking"] for e in data["editions"]][1:] == [{"revision": 1, "cityCount": 82}] + [None] * 5
    assert (data["edition"], data["none"]) == ({"year": 2025}, None)


async def test_the_framework_of_an_edition(read_api: Api) -> None:
    query = """query($edition: Int) { categories(edition: $edition) { code name en: name(language: EN) weight
      indicators { code category { code } weight maximum parameters { code } } } }"""
    categories = (await read_api.data(query))["categories"]
    assert [(c["code"], c["name"], c["en"]) for c in categories] == [
        ("administration", "Verwaltung", "Administration"),
        ("it_communication", "IT und Kommunikation", "IT and communication"),
        ("energy_environment", "Energie und Umwelt", "Energy and environment"),
        ("mobility", "Mobilität", "Mobility"),
        ("society_education", "Gesellschaft und Bildung", "Society and education"),
    ]
    assert sum(len(c["indicators"]) for c in categories) == 37
    last = categories[0]["indicators"][-1]
    assert last == {
        "code": "other_administration_projects",
        "category": {"code": "administration"},
        "weight": 0.35,
        "maximum": 35.0,
        "parameters": [],
    }
    assert [len(c["indicators"]) for c in (await read_api.data(query, {"edition": 2022}))["categories"]] == [0] * 5
    [error] = (await read_api.post(query, {"edition": 1999}))["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("there is no edition 1999", "BAD_USER_INPUT")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"search": "KÖLN"}, ["Köln"]),
        ({"search": "koln"}, ["Köln"]),
        ({"search": "koeln"}, ["Köln"]),
        ({"search": "frei"}, ["Freiburg im Breisgau"]),
        ({"states": ["Hamburg", "Bremen"]}, ["Bremen", "Bremerhaven", "Hamburg"]),
        ({"minPopulation": 1_500_000}, ["Berlin", "Hamburg"]),
        ({"maxPopulation": 94_000}, ["Cottbus", "Hanau"]),
        ({"search": "nowhere"}, []),
    ],
)
async def test_cities_are_found(given: dict[str, Any], names: list[str], read_api: Api) -> None:
    query = "query($f: CityFilter) { cities(filter: $f) { totalCount nodes { name } edges { cursor node { name } } } }"
    cities = (await read_api.data(query, {"f": given}))["cities"]
    assert [city["name"] for city in cities["nodes"]] == names
    assert (cities["totalCount"], len(cities["edges"])) == (len(names), len(names))


@pytest.mark.parametrize("forwards", [True, False])
async def test_a_walk_over_the_cities_meets_each_once(forwards: bool, read_api: Api) -> None:
    query = """query($first: Int, $after: String, $last: Int, $before: String) { cities(first: $first, after: $after,
      last: $last, before: $before) { nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    names: list[str] = []
    cursor, more = None, True
    while more:
        arguments = {"first": 30, "after": cursor} if forwards else {"last": 30, "before": cursor}
        cities = (await read_api.data(query, arguments))["cities"]
        page = [city["name"] for city in cities["nodes"]]
        names = names + page if forwards else page + names
        info = cities["pageInfo"]
        more = info["hasNextPage"] if forwards else info["hasPreviousPage"]
        cursor = info["endCursor"] if forwards else info["startCursor"]
    assert len(set(names)) == len(names) == 83
    assert (names[0], names[-1]) == ("Aachen", "Würzburg")


async def test_what_was_printed_about_a_city(read_api: Api) -> None:
    query = """query($edition: Int) { city(slug: "krefeld") { state population published(edition: $edition) {
      edition { year } category { code } score rank rankChange source } } none: city(slug: "nowhere") { name } }"""
    data = await read_api.data(query, {"edition": 2025})
    assert (data["city"]["state"], data["city"]["population"], data["none"]) == ("Nordrhein-Westfalen", 230666, None)
    first, second = data["city"]["published"][:2]
    assert first | {"source": ""} == {
        "edition": {"year": 2025}, "category": None, "score": 71.4, "rank": 41, "rankChange": 2, "source": "",
    }  # fmt: skip
    assert first["source"].startswith("https://")
    assert (second["category"], second["rank"], second["rankChange"]) == ({"code": "administration"}, 8, 19)
    years = [line["edition"]["year"] for line in (await read_api.data(query))["city"]["published"]]
    assert years == sorted(years, reverse=True)
    assert set(years) > {2024, 2025}


async def test_a_citys_results(read_api: Api) -> None:
    query = """{ city(slug: "krefeld") { history { rank previousRank } categories(edition: 2024) { rank
      category { code } indicators { indicator { code } } } result(edition: 2024, revision: 1) { rank }
      none: result(edition: 2019) { rank }
      later: result(revision: 9) { rank } } }"""
    city = (await read_api.data(query))["city"]
    assert city["history"] == [{"rank": 43, "previousRank": 46}, {"rank": 41, "previousRank": 43}]
    assert city["categories"][0]["rank"] == 27
    assert [c["indicators"] for c in city["categories"]] == [[]] * 5
    assert (city["result"], city["none"], city["later"]) == ({"rank": 43}, None, None)


async def test_contributions_add_up_to_the_category(read_api: Api) -> None:
    query = """{ ranking { entries(first: 100) { nodes { score city { slug } categories { score status estimatedShare
      category { code } indicators { score weight contribution status } } } } } }"""
    recorded = []
    for node in (await read_api.data(query))["ranking"]["entries"]["nodes"]:
        for category in node["categories"]:
            indicators = category["indicators"]
            if category["status"] != "COMPUTED":
                # A recorded category stands in for its indicators, which then add nothing.
                recorded.append((node["city"]["slug"], category["category"]["code"], category["status"]))
                assert {(i["weight"], i["contribution"]) for i in indicators} == {(None, None)}
                continue
            assert sum(i["contribution"] for i in indicators) == pytest.approx(category["score"], abs=1e-9)
            assert sum(i["weight"] for i in indicators) == pytest.approx(1, abs=1e-12)
            estimated = sum(i["weight"] for i in indicators if i["status"] == "ESTIMATED")
            assert category["estimatedShare"] == pytest.approx(estimated, abs=1e-12)
        assert node["score"] == pytest.approx(sum(c["score"] for c in node["categories"]) / 5, abs=1e-12)
    assert recorded == [("jena", "it_communication", "PUBLISHED")]


async def test_the_ranking_of_a_category(read_api: Api) -> None:
    query = """{ ranking { topTen { rank } hiddenChampions { rank isHiddenChampion hiddenChampionIn { code } }
      category(code: "mobility") { category { code } results { rank score } first: results(first: 2) { rank }
        topTen { rank isTopTen } hiddenChampions { isHiddenChampion rank } }
      none: category(code: "payment") { category { code } } } }"""
    ranking = (await read_api.data(query))["ranking"]
    assert [entry["rank"] for entry in ranking["topTen"]] == list(range(1, 11))
    champions = [entry["rank"] for entry in ranking["hiddenChampions"]]
    assert champions == sorted(champions)
    assert min(champions) > 10
    mobility = ranking["category"]
    assert [result["rank"] for result in mobility["results"]] == sorted(r["rank"] for r in mobility["results"])
    assert (len(mobility["results"]), len(mobility["first"]), len(mobility["topTen"])) == (83, 2, 10)
    assert mobility["results"][0]["score"] == 100
    assert {result["isHiddenChampion"] for result in mobility["hiddenChampions"]} == {True}
    assert ranking["none"] is None
    zero = '{ ranking { category(code: "mobility") { results(first: 0) { rank } } } }'
    [error] = (await read_api.post(zero))["errors"]
    assert error["message"] == "first is 0: it must be at least 1"


async def test_every_node_resolves_by_its_id(read_api: Api) -> None:
    ranking = (await read_api.data(NODES))["ranking"]
    entry = ranking["entry"]
    ids = {
        "Ranking": ranking["id"],
        "Edition": ranking["edition"]["id"],
        "RankingEntry": entry["id"],
        "City": entry["city"]["id"],
        "Category": entry["categories"][0]["category"]["id"],
        "Indicator": entry["categories"][0]["indicators"][0]["indicator"]["id"],
        "Submission": base64.b64encode(b"Submission:2025:1").decode(),
    }
    for typename, global_id in ids.items():
        node = (await read_api.data("query($id: ID!) { node(id: $id) { __typename id } }", {"id": global_id}))["node"]
        assert node == {"__typename": typename, "id": global_id}


@pytest.mark.parametrize(
    "text",
    [
        "City:nowhere", "City", "City:krefeld:1", "Edition:1999", "Edition:x", "Ranking:2025:9", "Ranking:2025",
        "Ranking:2025:99999999999999", "RankingEntry:simulated:2025:1:krefeld", "RankingEntry:stored:2025:1:nowhere",
        "Category:2025:payment", "Indicator:2025:administration", "Parameter:2025:payment", "Submission:2025:99",
        "Submission:x:1", "Nothing:1",
    ],
)  # fmt: skip
async def test_an_id_that_names_nothing_is_null(text: str, read_api: Api) -> None:
    global_id = base64.b64encode(text.encode()).decode()
    query = "query($id: ID!) { node(id: $id) { id } submission(id: $id) { id } }"
    assert await read_api.data(query, {"id": global_id}) == {"node": None, "submission": None}


@pytest.mark.parametrize("global_id", ["", "zzz", "ä", "////"])
async def test_what_is_no_id_is_an_error(global_id: str, read_api: Api) -> None:
    answer = await read_api.post("query($id: ID!) { node(id: $id) { id } }", {"id": global_id})
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert answer == {"data": {"node": None}}


@pytest.mark.parametrize("since", [1, 2, -1])
async def test_changes_lead_from_an_older_revision(since: int, read_api: Api) -> None:
    assert (await read_api.data("{ ranking { changes { newRank } } }"))["ranking"]["changes"] == []
    [error] = (await read_api.post("query($s: Int) { ranking { changes(since: $s) { newRank } } }", {"s": since}))[
        "errors"
    ]
    assert error["message"] == f"since is {since}: it must be an older revision than 1, or 0"
