"""What readers look for: who they are, rankings by indicator, printed facts beside computed ones, search and order."""

from typing import Any

import pytest

from api.access.token import Role
from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, Recompute

VIEWER = "{ viewer { subject role cities { slug } expiresAt } states }"
TIMELINE = """{ city(slug: "krefeld") { timeline { edition { year } rank score cityCount isComputed source } } }"""
INDICATOR = """{ ranking(edition: 2025) { category(code: "administration") { indicator(code: "payment") {
  indicator { code category { code } } results(first: 3) { city { slug } rank } } } } }"""
PRINTED = """{ ranking(edition: 2025) { entry(city: "jena") { published { score rank }
  categories { published { score } } } } }"""
AGREES = """{ ranking(edition: 2025) { entries(first: 100) { nodes { score published { score } agreesWithPublished
  categories { published { score } agreesWithPublished } } } } }"""
ENTRIES = """query($filter: RankingFilter, $order: RankingOrder, $category: String, $first: Int, $after: String) {
  ranking(edition: 2025) { entries(filter: $filter, orderBy: $order, orderByCategory: $category, first: $first,
    after: $after) { totalCount pageInfo { endCursor }
    nodes { rank rankChange city { slug state population } category(code: "administration") { rank } } } } }"""


async def test_the_viewer_is_whom_the_token_says(read_api: Api) -> None:
    nobody: dict[str, Any] = {"subject": None, "role": "READER", "cities": [], "expiresAt": None}
    assert (await read_api.data(VIEWER))["viewer"] == nobody
    editor = (await read_api.data(VIEWER, token=read_api.token(Role.EDITOR, ["krefeld", "nowhere"])))["viewer"]
    assert (editor["subject"], editor["role"], editor["cities"]) == (
        "editor:krefeld,nowhere",
        "EDITOR",
        [{"slug": "krefeld"}],
    )
    assert editor["expiresAt"].startswith("20")
    # An answer to one client is never another's.
    assert (await read_api.data(VIEWER, token=read_api.token(Role.EDITOR, "bonn")))["viewer"]["cities"] == [
        {"slug": "bonn"}
    ]
    assert (await read_api.data(VIEWER))["viewer"] == nobody


async def test_every_bundesland_is_listed(read_api: Api) -> None:
    states = (await read_api.data(VIEWER))["states"]
    assert len(states) == 16
    assert states == sorted(states)


async def test_the_timeline_has_printed_and_computed_editions(read_api: Api) -> None:
    years = (await read_api.data(TIMELINE))["city"]["timeline"]
    assert [year["edition"]["year"] for year in years] == sorted(year["edition"]["year"] for year in years)
    assert [(year["edition"]["year"], year["rank"]) for year in years if year["isComputed"]] == [(2024, 43), (2025, 41)]
    for year in years:
        assert (year["source"] is None) == year["isComputed"]
        assert 81 <= year["cityCount"] <= 83


async def test_cities_by_one_indicator(read_api: Api) -> None:
    found = (await read_api.data(INDICATOR))["ranking"]["category"]["indicator"]
    assert found["indicator"] == {"code": "payment", "category": {"code": "administration"}}
    ranks = [result["rank"] for result in found["results"]]
    assert ranks[0] == 1
    assert ranks == sorted(ranks)
    other = INDICATOR.replace('"payment"', '"broadband"')
    assert (await read_api.data(other))["ranking"]["category"] == {"indicator": None}


async def test_printed_facts_agree_with_what_is_computed(read_api: Api) -> None:
    entry = (await read_api.data(PRINTED))["ranking"]["entry"]
    assert entry["published"] == {"score": 67.1, "rank": 54}
    assert [each["published"] for each in entry["categories"]] == [
        {"score": score} for score in (71.6, 69.1, 46.6, 68.9, 79.4)
    ]
    nodes = (await read_api.data(AGREES))["ranking"]["entries"]["nodes"]
    lines = [*nodes, *(category for node in nodes for category in node["categories"])]
    assert {line["agreesWithPublished"] for line in lines if line["published"]} == {True}
    assert {line["agreesWithPublished"] for line in lines if line["published"] is None} == {None}


async def test_a_corrected_score_no_longer_agrees(api: Api, recompute: Recompute) -> None:
    await submit(api, [{"city": "jena", "measure": "it_communication", "value": 1}])
    await recompute()
    await api.service.live.refresh()
    query = """{ ranking(edition: 2025) { entry(city: "jena") { agreesWithPublished
      category(code: "it_communication") { agreesWithPublished } } } }"""
    entry = (await api.data(query))["ranking"]["entry"]
    assert entry == {"agreesWithPublished": False, "category": {"agreesWithPublished": False}}


@pytest.mark.parametrize(
    ("search", "first"),
    [
        ("Munich", "muenchen"),
        ("cologne", "koeln"),
        ("MÜNCH", "muenchen"),
        ("essen", "essen"),
        ("ha", "hagen"),
        ("saale", "halle-saale"),
        ("frankfurt", "frankfurt-am-main"),
    ],
)
async def test_the_beginning_of_a_name_comes_first(read_api: Api, search: str, first: str) -> None:
    query = "query($search: String) { cities(filter: {search: $search}) { nodes { slug } } }"
    assert (await read_api.data(query, {"search": search}))["cities"]["nodes"][0]["slug"] == first


async def test_a_bundesland_is_found_by_its_short_form(read_api: Api) -> None:
    query = "query($search: String) { cities(first: 100, filter: {search: $search}) { nodes { state } } }"
    for search in ("NRW", "nordrhein"):
        states = {node["state"] for node in (await read_api.data(query, {"search": search}))["cities"]["nodes"]}
        assert states == {"Nordrhein-Westfalen"}
    assert (await read_api.data(query, {"search": "nowhere at all"}))["cities"]["nodes"] == []


async def entries(api: Api, **variables: Any) -> list[Any]:
    """The nodes of all pages of seven."""
    nodes: list[Any] = []
    variables |= {"first": 7, "after": None}
    while True:
        page = (await api.data(ENTRIES, variables))["ranking"]["entries"]
        nodes += page["nodes"]
        if len(nodes) == page["totalCount"]:
            return nodes
        variables["after"] = page["pageInfo"]["endCursor"]


async def test_entries_in_every_order(read_api: Api) -> None:
    changes = [node["rankChange"] for node in await entries(read_api, order="RANK_CHANGE_ASC")]
    known = [change for change in changes if change is not None]
    assert known == sorted(known)
    assert changes[len(known) :] == [None] * (len(changes) - len(known))
    populations = [node["city"]["population"] for node in await entries(read_api, order="POPULATION_DESC")]
    assert populations == sorted(populations, reverse=True)
    for order, is_reverse in (("RANK_ASC", False), ("RANK_DESC", True)):
        nodes = await entries(read_api, order=order, category="administration")
        ranks = [node["category"]["rank"] for node in nodes]
        assert ranks == sorted(ranks, reverse=is_reverse)
    answer = await read_api.post(ENTRIES, {"category": "payment"})
    assert answer["errors"][0]["message"] == "there is no category 'payment' in this ranking"


async def test_entries_by_every_new_condition(read_api: Api) -> None:
    every = await entries(read_api)
    for filter_, holds in (
        ({"minRank": 5, "maxRank": 9}, lambda node: 5 <= node["rank"] <= 9),
        ({"search": "nrw"}, lambda node: node["city"]["state"] == "Nordrhein-Westfalen"),
        ({"minRank": 200}, lambda _: False),
    ):
        assert await entries(read_api, filter=filter_) == [node for node in every if holds(node)]
    champions = {
        node["city"]["slug"] for node in await entries(read_api, filter={"hiddenChampionIn": ["administration"]})
    }
    assert "krefeld" in champions
    assert all(node["category"]["rank"] <= 10 for node in every if node["city"]["slug"] in champions)
    assert await entries(read_api, filter={"hiddenChampionIn": ["nothing"]}) == []
    new = await entries(read_api, filter={"isFirstTopTen": True})
    assert all(node["rank"] <= 10 for node in new)


async def test_what_is_below_a_ranking_belongs_to_it(api: Api, recompute: Recompute) -> None:
    change = """mutation { submitMethodology(input: {edition: 2025, methodology: {topN: 3, weights: [
      {measure: "mobility", weight: 9}]}}) { errors { message } } }"""
    assert (await api.data(change, token=api.token()))["submitMethodology"]["errors"] == []
    await recompute()
    await api.service.live.refresh()
    query = """{ ranking(edition: 2025, revision: %d) { edition { methodology { topN } categories { code weight
      edition { methodology { topN } } } } } }"""
    for revision, top_n, weight in ((1, 10, 1), (2, 3, 9)):
        edition = (await api.data(query % revision))["ranking"]["edition"]
        assert edition["methodology"] == {"topN": top_n}
        assert {each["code"]: each["weight"] for each in edition["categories"]}["mobility"] == weight
        assert {each["edition"]["methodology"]["topN"] for each in edition["categories"]} == {top_n}


async def test_who_submitted_is_known_to_admins_and_the_submitter(api: Api) -> None:
    tokens = {name: api.token(Role.EDITOR, name) for name in ("krefeld", "bonn")}
    made = await submit(api, [payment(50)], token=tokens["krefeld"], source="a letter of a person")
    query = "query($id: ID!) { submission(id: $id) { submittedBy source } }"
    secret = {"submittedBy": "editor:krefeld", "source": "a letter of a person"}
    nothing = {"submittedBy": None, "source": None}
    for token, seen in ((tokens["krefeld"], secret), (api.token(), secret), (tokens["bonn"], nothing), (None, nothing)):
        found = await api.data(query, {"id": made["submission"]["id"]}, token)
        assert found["submission"] == seen
