"""Every field of the contract, answered from a made-up index that is small enough to be computed by hand."""

import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from graphql import (
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_schema,
    is_interface_type,
    is_object_type,
    parse,
    validate,
    visit,
)

from db.composite.framework import Aggregation, Direction, Level, Measure, Methodology, Normalisation
from db.dataset import load
from db.dataset.dataset import Dataset, EditionData, RecordedScore
from db.index.city import City
from db.index.published import Published
from db.index.score import ValueStatus
from db.postgres.pool import create_pool
from db.settings import Settings
from tests.api.schema.test_reader import INDICATOR, PRINTED, TIMELINE, VIEWER
from tests.conftest import Api, Recompute, rank_all, running_api

CONTRACT = build_schema((Path(__file__).parents[1] / "contract.graphql").read_text())


def global_id(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


FRAMEWORK = """{
  editions { year }
  edition { id year revision cityCount ranking { revision } categories { code } methodology {
    normalisation aggregation topN minPopulation hiddenChampion { categoryTopN overallRankWorseThan } } }
  categories { id code name english: name(language: EN) weight indicators {
    id code name english: name(language: EN) category { code } weight maximum parameters {
      id code name english: name(language: EN) unit direction normalisation weight } } } }"""
CITY = """{
  city(slug: "a") { id slug name state population result { id } history { rank } categories { rank }
    published { edition { year } category { code } score rank rankChange source } }
  cities(first: 1) { totalCount edges { cursor node { slug } } nodes { slug }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
ENTRY = """fragment Entry on RankingEntry {
  id city { slug } score rank previousScore previousRank rankChange isTopTen isFirstTopTen isHiddenChampion
  hiddenChampionIn { code } pointsToNextRank pointsToTopTen isUpperHalf estimatedShare
  category(code: "two") { score }
  categories { category { code } city { slug } score rank previousScore previousRank rankChange isTopTen isFirstTopTen
    isHiddenChampion pointsToNextRank estimatedShare status
    indicators { indicator { code } value score rank weight contribution status
      parameters { parameter { code } value normalised status source recordedAt } } } }"""
RANKING = f"""query($id: ID!) {{
  node(id: $id) {{ id }}
  ranking {{ id edition {{ year }} revision computedAt inputHash cityCount
    b: entry(city: "b") {{ ...Entry }} d: entry(city: "d") {{ ...Entry }}
    entries(last: 1) {{ totalCount edges {{ cursor node {{ rank }} }} nodes {{ city {{ slug }} }}
      pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}
    topTen {{ city {{ slug }} }} hiddenChampions {{ city {{ slug }} }} changes {{ newRank }}
    category(code: "one") {{ category {{ code }} results(first: 3) {{ city {{ slug }} rank }}
      topTen {{ city {{ slug }} }} hiddenChampions {{ city {{ slug }} }} }} }} }} {ENTRY}"""
CHANGES = """changes { city { slug } category { code } oldRank newRank oldScore newScore enteredTopTen leftTopTen
  becameHiddenChampion ceasedHiddenChampion }"""
SIMULATE = f"""query($scores: [ScoreInput!]!) {{ simulateRanking(input: {{edition: 3000, scores: $scores}}) {{
  entries(first: 2) {{ city {{ slug }} score }} {CHANGES} errors {{ code message path }} }} }}"""
SUBMIT = """mutation($scores: [ScoreInput!]!) { submitScores(input: {edition: 3000, scores: $scores, source: "new"}) {
  submission { id edition { year } revision submittedAt submittedBy changeCount status ranking { revision } }
  errors { code message path } } }"""
SUBMISSION = "query($id: ID!) { submission(id: $id) { status ranking { revision } } }"
FOLLOW = (
    f"subscription {{ rankingRecomputed {{ edition {{ year }} ranking {{ revision }} previousRevision {CHANGES} }} }}"
)
DOCUMENTS = (FRAMEWORK, CITY, RANKING, SIMULATE, SUBMIT, SUBMISSION, FOLLOW, VIEWER, TIMELINE, INDICATOR, PRINTED)

MOVE = [{"city": "b", "measure": "two", "value": 100}]
STAYS = {"enteredTopTen": False, "leftTopTen": False, "becameHiddenChampion": False, "ceasedHiddenChampion": False}


def change(city: str, category: str | None, old: tuple[int, float], new: tuple[int, float], **flags: bool) -> Any:
    place = {"oldRank": old[0], "newRank": new[0], "oldScore": old[1], "newScore": new[1]}
    return {"city": {"slug": city}, "category": category and {"code": category}} | place | STAYS | flags


MOVED = [
    change("b", None, (4, 51.875), (1, 96.875), enteredTopTen=True, ceasedHiddenChampion=True),
    change("c", None, (1, 84.765625), (2, 84.765625)),
    change("d", None, (2, 80), (3, 80), leftTopTen=True),
    change("a", None, (3, 74.84375), (4, 74.84375)),
    change("b", "one", (1, 87.5), (1, 87.5), ceasedHiddenChampion=True),
    change("b", "two", (3, 40), (1, 100), enteredTopTen=True),
    change("a", "two", (2, 80), (3, 80), leftTopTen=True),
]


def index() -> Dataset:
    """Two editions of made-up cities; the newer one has values at every level, and gaps."""
    names = {"a": ("Äwald", "Nord", 400_000), "b": ("Bwald", "Nord", 300_000), "c": ("Cwald", "Süd", 200_000)}
    cities = {slug: City(slug, *found, None) for slug, found in names.items()}
    cities["d"] = City("d", "Dwald", "Süd", None, None)
    before = EditionData(
        Methodology(Normalisation.NONE, Aggregation.ARITHMETIC_MEAN, 2, 1, 2, 50),
        [Measure(code, Level.CATEGORY, None, code, code, 1) for code in ("one", "two")],
        dict.fromkeys("abc"),
        [
            RecordedScore(city, code, value, None, ValueStatus.RECORDED)
            for city, values in {"a": (60, 70), "b": (90, 90), "c": (50, 50)}.items()
            for code, value in zip(("one", "two"), values, strict=True)
        ],
    )
    lower, fraction = Direction.LOWER_IS_BETTER, Normalisation.FRACTION_OF_MAX
    now = EditionData(
        Methodology(Normalisation.MIN_MAX, Aggregation.ARITHMETIC_MEAN, 2, 1, 2, 50),
        [
            Measure("one", Level.CATEGORY, None, "Eins", "One", 1),
            Measure("two", Level.CATEGORY, None, "Zwei", "Two", 3),
            Measure("first", Level.INDICATOR, "one", "Erster", "First", 3),
            Measure("second", Level.INDICATOR, "one", "Zweiter", "Second", 1, maximum=50),
            Measure("waiting", Level.PARAMETER, "first", "Wartezeit", "Waiting", 1, lower, "min"),
            Measure("counters", Level.PARAMETER, "first", "Schalter", "Counters", 3, normalisation=fraction),
        ],
        dict.fromkeys("abcd"),
        [
            *_column("waiting", a=10, b=20, c=30),
            *_column("counters", a=40, b=80, c=20, d=80),
            *_column("second", a=25, c=50),
            *_column("second", ValueStatus.ESTIMATED, d=10),
            *_column("two", ValueStatus.PUBLISHED, a=80),
            *_column("two", ValueStatus.ROUNDED, b=40),
            *_column("two", c=100),
        ],
        [Published(3000, "a", None, 74.8, 3, -1, "press"), Published(3000, "a", "one", None, 3, None, "press")],
    )
    return Dataset(cities, {2999: before, 3000: now})


def _column(measure: str, status: ValueStatus = ValueStatus.RECORDED, **values: float) -> list[RecordedScore]:
    return [RecordedScore(city, measure, value, "survey", status) for city, value in values.items()]


@pytest_asyncio.fixture
async def small_api(empty_settings: Settings) -> AsyncIterator[tuple[Api, Recompute]]:
    """A server of the made-up index, and what ranks it again."""
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, index())
    await rank_all(empty_settings, pool)
    async with running_api(empty_settings) as api:
        yield api, lambda: rank_all(empty_settings, pool)
    await pool.close()


def test_the_documents_below_ask_for_every_field_of_the_contract() -> None:
    asked: set[str] = set()
    for document in DOCUMENTS:
        assert validate(CONTRACT, parse(document)) == []
        asked |= _fields_of(document)
    assert asked == _fields(CONTRACT)


async def test_the_framework(small_api: tuple[Api, Recompute]) -> None:
    api, _ = small_api
    waiting = {
        "id": global_id("Parameter:3000:waiting"), "code": "waiting", "name": "Wartezeit", "english": "Waiting",
        "unit": "min", "direction": "LOWER_IS_BETTER", "normalisation": "MIN_MAX", "weight": 1,
    }  # fmt: skip
    counters = {
        "id": global_id("Parameter:3000:counters"), "code": "counters", "name": "Schalter", "english": "Counters",
        "unit": None, "direction": "HIGHER_IS_BETTER", "normalisation": "FRACTION_OF_MAX", "weight": 3,
    }  # fmt: skip
    first = {
        "id": global_id("Indicator:3000:first"), "code": "first", "name": "Erster", "english": "First",
        "category": {"code": "one"}, "weight": 3, "maximum": 100, "parameters": [waiting, counters],
    }  # fmt: skip
    second = {
        "id": global_id("Indicator:3000:second"), "code": "second", "name": "Zweiter", "english": "Second",
        "category": {"code": "one"}, "weight": 1, "maximum": 50, "parameters": [],
    }  # fmt: skip
    one = {"id": global_id("Category:3000:one"), "code": "one", "name": "Eins", "english": "One", "weight": 1}
    two = {"id": global_id("Category:3000:two"), "code": "two", "name": "Zwei", "english": "Two", "weight": 3}
    assert await api.data(FRAMEWORK) == {
        "editions": [{"year": 3000}, {"year": 2999}],
        "edition": {
            "id": global_id("Edition:3000"),
            "year": 3000,
            "revision": 1,
            "cityCount": 4,
            "ranking": {"revision": 1},
            "categories": [{"code": "one"}, {"code": "two"}],
            "methodology": {
                "normalisation": "MIN_MAX",
                "aggregation": "ARITHMETIC_MEAN",
                "topN": 2,
                "minPopulation": 50,
                "hiddenChampion": {"categoryTopN": 1, "overallRankWorseThan": 2},
            },
        },
        "categories": [one | {"indicators": [first, second]}, two | {"indicators": []}],
    }


async def test_a_city(small_api: tuple[Api, Recompute]) -> None:
    api, _ = small_api
    data = await api.data(CITY)
    cursor = data["cities"]["pageInfo"]["endCursor"]
    assert data == {
        "city": {
            "id": global_id("City:a"),
            "slug": "a",
            "name": "Äwald",
            "state": "Nord",
            "population": 400_000,
            "result": {"id": global_id("RankingEntry:stored:3000:1:a")},
            "history": [{"rank": 2}, {"rank": 3}],
            "categories": [{"rank": 3}, {"rank": 2}],
            "published": [
                {"edition": {"year": 3000}, "category": category, "score": score, "rank": 3, "rankChange": change,
                 "source": "press"}
                for category, score, change in ((None, 74.8, -1), ({"code": "one"}, None, None))
            ],
        },
        "cities": {
            "totalCount": 4,
            "edges": [{"cursor": cursor, "node": {"slug": "a"}}],
            "nodes": [{"slug": "a"}],
            "pageInfo": {
                "hasNextPage": True, "hasPreviousPage": False, "startCursor": cursor, "endCursor": cursor,
            },
        },
    }  # fmt: skip


async def test_a_ranking(small_api: tuple[Api, Recompute]) -> None:
    api, _ = small_api
    node = global_id("Parameter:3000:waiting")
    data = await api.data(RANKING, {"id": node})
    ranking = data["ranking"]
    assert data["node"] == {"id": node}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", ranking.pop("computedAt"))
    assert re.fullmatch("[0-9a-f]{64}", ranking.pop("inputHash"))
    b, d = ranking.pop("b"), ranking.pop("d")
    cursor = ranking["entries"]["pageInfo"]["endCursor"]
    cities = {slug: {"city": {"slug": slug}} for slug in "abcd"}
    assert ranking == {
        "id": global_id("Ranking:3000:1"),
        "edition": {"year": 3000},
        "revision": 1,
        "cityCount": 4,
        "entries": {
            "totalCount": 4,
            "edges": [{"cursor": cursor, "node": {"rank": 4}}],
            "nodes": [cities["b"]],
            "pageInfo": {
                "hasNextPage": False, "hasPreviousPage": True, "startCursor": cursor, "endCursor": cursor,
            },
        },
        "topTen": [cities["c"], cities["d"]],
        "hiddenChampions": [cities["b"]],
        "changes": [],
        "category": {
            "category": {"code": "one"},
            "results": [cities["b"] | {"rank": 1}, cities["d"] | {"rank": 2}, cities["a"] | {"rank": 3}],
            "topTen": [cities["b"], cities["d"]],
            "hiddenChampions": [cities["b"]],
        },
    }  # fmt: skip
    _check_hidden_champion(b)
    _check_newcomer(d)


def _check_hidden_champion(b: Any) -> None:
    """City b: last overall, best in category one, whose second indicator has no value."""
    one, two = b.pop("categories")
    first, second = one.pop("indicators")
    waiting, counters = first.pop("parameters")
    assert b == {
        "id": global_id("RankingEntry:stored:3000:1:b"), "city": {"slug": "b"}, "score": 51.875, "rank": 4,
        "previousScore": 90, "previousRank": 1, "rankChange": -3, "isTopTen": False, "isFirstTopTen": False,
        "isHiddenChampion": True, "hiddenChampionIn": [{"code": "one"}], "pointsToNextRank": 74.84375 - 51.875,
        "pointsToTopTen": 80 - 51.875, "isUpperHalf": False, "estimatedShare": 0, "category": {"score": 40},
    }  # fmt: skip
    assert one == {
        "category": {"code": "one"}, "city": {"slug": "b"}, "score": 87.5, "rank": 1, "previousScore": 90,
        "previousRank": 1, "rankChange": 0, "isTopTen": True, "isFirstTopTen": False, "isHiddenChampion": True,
        "pointsToNextRank": None, "estimatedShare": 0, "status": "COMPUTED",
    }  # fmt: skip
    assert two == {
        "category": {"code": "two"}, "city": {"slug": "b"}, "score": 40, "rank": 3, "previousScore": 90,
        "previousRank": 1, "rankChange": -2, "isTopTen": False, "isFirstTopTen": False, "isHiddenChampion": False,
        "pointsToNextRank": 40, "estimatedShare": 0, "status": "ROUNDED", "indicators": [],
    }  # fmt: skip
    assert first == {
        "indicator": {"code": "first"}, "value": None, "score": 87.5, "rank": 2, "weight": 1, "contribution": 87.5,
        "status": "COMPUTED",
    }  # fmt: skip
    assert second == {
        "indicator": {"code": "second"}, "value": None, "score": None, "rank": None, "weight": None,
        "contribution": None, "status": "COMPUTED", "parameters": [],
    }  # fmt: skip
    accepted = waiting["recordedAt"]
    assert accepted is not None
    recorded = {"status": "RECORDED", "source": "survey", "recordedAt": accepted}
    assert waiting == {"parameter": {"code": "waiting"}, "value": 20, "normalised": 50} | recorded
    assert counters == {"parameter": {"code": "counters"}, "value": 80, "normalised": 100} | recorded


def _check_newcomer(d: Any) -> None:
    """City d: not in the edition before, no value in category two, a quarter of category one estimated."""
    one, two = d.pop("categories")
    first, second = one.pop("indicators")
    assert d == {
        "id": global_id("RankingEntry:stored:3000:1:d"), "city": {"slug": "d"}, "score": 80, "rank": 2,
        "previousScore": None, "previousRank": None, "rankChange": None, "isTopTen": True, "isFirstTopTen": True,
        "isHiddenChampion": False, "hiddenChampionIn": [], "pointsToNextRank": 84.765625 - 80, "pointsToTopTen": 0,
        "isUpperHalf": True, "estimatedShare": 0.25, "category": {"score": None},
    }  # fmt: skip
    assert (one["score"], one["isFirstTopTen"], one["estimatedShare"]) == (80, True, 0.25)
    assert (first["weight"], first["contribution"], second["weight"], second["contribution"]) == (0.75, 75, 0.25, 5)
    assert (second["value"], second["score"], second["status"]) == (10, 20, "ESTIMATED")
    missing = {"value": None, "normalised": None, "status": "COMPUTED", "source": None, "recordedAt": None}
    assert first["parameters"][0] == {"parameter": {"code": "waiting"}} | missing
    assert two == {
        "category": {"code": "two"}, "city": {"slug": "d"}, "score": None, "rank": None, "previousScore": None,
        "previousRank": None, "rankChange": None, "isTopTen": False, "isFirstTopTen": False,
        "isHiddenChampion": False, "pointsToNextRank": None, "estimatedShare": 0, "status": "COMPUTED",
        "indicators": [],
    }  # fmt: skip


async def test_a_change_simulated_submitted_and_followed(small_api: tuple[Api, Recompute]) -> None:
    api, recompute = small_api
    simulated = (await api.data(SIMULATE, {"scores": MOVE}))["simulateRanking"]
    assert simulated["entries"] == [
        {"city": {"slug": "b"}, "score": 96.875},
        {"city": {"slug": "c"}, "score": 84.765625},
    ]
    assert (simulated["changes"], simulated["errors"]) == (MOVED, [])
    refused = (await api.data(SIMULATE, {"scores": []}))["simulateRanking"]
    empty = {"code": "EMPTY", "message": "scores is empty: give at least one", "path": ["scores"]}
    assert refused == {"entries": [], "changes": [], "errors": [empty]}

    payload = (await api.data(SUBMIT, {"scores": MOVE}, api.token()))["submitScores"]
    submission = payload["submission"]
    assert submission.pop("submittedAt")
    expected = {
        "id": global_id("Submission:3000:2"), "edition": {"year": 3000}, "revision": 2, "submittedBy": "admin",
        "changeCount": 1, "status": "ACCEPTED", "ranking": None,
    }  # fmt: skip
    assert payload == {"submission": expected, "errors": []}
    await recompute()
    found = await api.data(SUBMISSION, {"id": submission["id"]})
    assert found["submission"] == {"status": "RANKED", "ranking": {"revision": 2}}

    headers = {"Accept": "text/event-stream"}
    async with api.client.stream("POST", "/graphql", json={"query": FOLLOW}, headers=headers) as response:
        data = [line async for line in _until(response.aiter_lines(), "data: ")][-1]
    event = json.loads(data.removeprefix("data: "))["data"]["rankingRecomputed"]
    expected = {"edition": {"year": 3000}, "ranking": {"revision": 2}, "previousRevision": 1, "changes": MOVED}
    assert event == expected


async def test_changes_since_any_older_revision(small_api: tuple[Api, Recompute]) -> None:
    api, recompute = small_api
    for scores in (MOVE, [{"city": "b", "measure": "two", "value": 40}], MOVE):
        await api.data(SUBMIT, {"scores": scores}, api.token())
        await recompute()
    await api.service.live.refresh()
    changes = CHANGES.replace("changes", "changes(since: $since)")
    query = f"query($revision: Int!, $since: Int) {{ ranking(revision: $revision) {{ {changes} }} }}"
    found = {
        (revision, since): (await api.data(query, {"revision": revision, "since": since}))["ranking"]["changes"]
        for revision, since in ((4, None), (4, 3), (4, 2), (4, 1), (4, 0), (3, 1), (2, 1), (1, None))
    }
    assert found[4, None] == found[4, 3] == found[4, 1] == found[2, 1] == MOVED
    assert found[4, 2] == found[4, 0] == found[3, 1] == found[1, None] == []


async def _until(lines: AsyncIterator[str], start: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return


def _fields(schema: GraphQLSchema) -> set[str]:
    """Every output field, by `Type.field`."""
    return {
        f"{name}.{field}"
        for name, kind in schema.type_map.items()
        if not name.startswith("__") and (is_object_type(kind) or is_interface_type(kind))
        for field in kind.fields
    }


def _fields_of(document: str) -> set[str]:
    """The output fields that a document asks for."""
    asked: set[str] = set()
    info = TypeInfo(CONTRACT)

    class Asked(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            parent = info.get_parent_type()
            assert parent is not None
            asked.add(f"{parent.name}.{node.name.value}")

    visit(parse(document), TypeInfoVisitor(info, Asked()))
    return asked
