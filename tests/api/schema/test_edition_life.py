"""An edition's life: drafts that readers do not know, publication at once and at an instant, closing, deletion."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema, get_named_type, is_leaf_type

from api.access.token import Role
from api.schema import node
from api.schema.build import sdl
from api.schema.type.lookup import FINDERS
from db.change import publication
from db.postgres.pool import Pool, transaction
from tests.api.schema.test_submission import payment
from tests.api.websocket.test_subscription import connected
from tests.conftest import Api, Recompute

CREATE = """mutation($input: CreateEditionInput!) { createEdition(input: $input) {
  edition { year revision state publishAt publishedAt cityCount } errors { code path message } } }"""
PUBLISH = """mutation($input: PublishEditionInput!) { publishEdition(input: $input) {
  edition { year state publishAt publishedAt } errors { code path message } } }"""
UNSCHEDULE = """mutation { unscheduleEdition(input: {edition: 2026}) { edition { state } errors { code path } } }"""
CLOSE = "mutation { closeEdition(input: {edition: 2026}) { edition { state closedAt } errors { code path } } }"
REOPEN = """mutation($reason: String!) { reopenEdition(input: {edition: 2026, reason: $reason}) {
  edition { state closedAt } errors { code path } } }"""
DELETE = "mutation($year: Int!) { deleteEdition(input: {edition: $year}) { year errors { code path message } } }"
SUBMIT = """mutation($input: SubmitScoresInput!) { submitScores(input: $input) {
  submission { id revision edition { year } } errors { code } } }"""
KNOWN = "{ editions { year } edition { year } ranking { edition { year } } }"

# Every door by which a reader could come to an edition, with a year or an id to fill in.
DOORS = {
    "edition": "{ edition(year: YEAR) { year } }",
    "ranking": "{ ranking(edition: YEAR) { revision } }",
    "ranking at a revision": "{ ranking(edition: YEAR, revision: 1) { revision } }",
    "categories": "{ categories(edition: YEAR) { code } }",
    "City.result": '{ city(slug: "krefeld") { result(edition: YEAR) { rank } } }',
    "City.categories": '{ city(slug: "krefeld") { categories(edition: YEAR) { score } } }',
    "City.published": '{ city(slug: "krefeld") { published(edition: YEAR) { rank } } }',
    "node: Edition": '{ node(id: "ID:Edition:YEAR") { id } }',
    "node: Indicator": '{ node(id: "ID:Indicator:YEAR:payment") { id } }',
    "node: Parameter": '{ node(id: "ID:Parameter:YEAR:payment") { id } }',
    "node: Category": '{ node(id: "ID:Category:YEAR:mobility") { id } }',
    "node: Ranking": '{ node(id: "ID:Ranking:YEAR:1") { id } }',
    "node: RankingEntry": '{ node(id: "ID:RankingEntry:stored:YEAR:1:krefeld") { id } }',
    "node: Submission": '{ node(id: "ID:Submission:YEAR:1") { id } }',
    "submission": '{ submission(id: "ID:Submission:YEAR:1") { revision } }',
    "simulateRanking": """{ simulateRanking(input: {edition: YEAR, scores: [
        {city: "krefeld", measure: "payment", value: 50}]}) { entries { rank } errors { code message path } } }""",
}


def at_door(query: str, year: int) -> str:
    """A query with a year in place of YEAR, and ids encoded."""
    filled = query.replace("YEAR", str(year))
    if "ID:" not in filled:
        return filled
    before, rest = filled.split("ID:", 1)
    text, after = rest.split('"', 1)
    return f'{before}{node.encode(*text.split(":"))}"{after}'


# Types that lead to editions and are of none. What is below any other type was reached through a door above it.
OUTSIDE = {"Query", "Subscription", "City", "CityConnection", "CityEdge", "Viewer", "PageInfo", "CityYear"}
# Doors that name no edition, or are tried elsewhere: each with what shuts it.
OTHER_DOORS = {
    "Query.node": "by the type of node, above",
    "Query.editions": "KNOWN, below",
    "City.history": "below",
    "CityYear.edition": "City.timeline has no year of a draft",
    "City.audit": "for admins, who see drafts",
    "Query.proposal": "for admins, and for editors their own",
    "Query.proposals": "for admins, and for editors their own",
    "Subscription.rankingRecomputed": "below",
}


def test_every_door_to_an_edition_is_tried() -> None:
    """A new field by which an edition can be reached fails here until it is placed above."""
    doors = {
        f"{type_.name}.{name}"
        for type_ in build_schema(sdl()).type_map.values()
        if isinstance(type_, GraphQLObjectType) and type_.name != "Mutation" and not type_.name.startswith("__")
        for name, field in type_.fields.items()
        if {"edition", "year", "id"} & set(field.args)
        or (
            type_.name in OUTSIDE
            and get_named_type(field.type).name not in OUTSIDE
            and not is_leaf_type(get_named_type(field.type))
        )
    }
    tried = {name if "." in name else f"Query.{name}" for name in DOORS if ":" not in name and " " not in name}
    assert doors == tried | set(OTHER_DOORS)
    nodes = {name.removeprefix("node: ") for name in DOORS if name.startswith("node: ")}
    # A city is of no edition; who may read a proposal is no reader. Numbers of analyses and corrections of a draft:
    # test_a_reader_gets_no_node_of_a_draft_that_has_a_number.
    assert nodes | {"City", "Proposal", "UncertaintyAnalysis", "Correction"} == set(FINDERS)


async def test_a_reader_gets_no_node_of_a_draft_that_has_a_number(api: Api, pool: Pool, recompute: Recompute) -> None:
    await create(api)
    await recompute()
    await api.service.live.refresh()
    ask = """mutation { requestUncertainty(input: {edition: 2026, draws: 10}) { analysis { id } errors { code } } }"""
    asked = (await api.data(ask, token=api.token()))["requestUncertainty"]
    find = "query($id: ID!) { node(id: $id) { id } }"
    for token, expected in ((api.token(), asked["analysis"]), (None, None), (api.token(Role.EDITOR, "krefeld"), None)):
        assert (await api.data(find, {"id": asked["analysis"]["id"]}, token))["node"] == expected
    await api.data(SUBMIT, {"input": {"edition": 2026, "scores": [payment(50)]}}, api.token())
    assert (await api.data(find, {"id": node.encode("Correction", 2026, 2, 0)}))["node"] is None


async def change(api: Api, query: str, **variables: Any) -> Any:
    """The one payload of a mutation by an admin."""
    [payload] = (await api.data(query, variables, api.token())).values()
    return payload


async def create(api: Api, year: int = 2026, **more: Any) -> Any:
    return await change(api, CREATE, input={"year": year, "from": 2025, "withScores": True, **more})


async def test_a_draft_is_made_of_another_edition(api: Api, pool: Pool, recompute: Recompute) -> None:
    made = await create(api)
    assert made["errors"] == []
    assert made["edition"] == {
        "year": 2026, "revision": 1, "state": "DRAFT", "publishAt": None, "publishedAt": None, "cityCount": 83,
    }  # fmt: skip
    await recompute()
    scores = "query($year: Int!) { ranking(edition: $year) { entries(first: 100) { nodes { score city { slug } } } } }"
    old, new = [await api.data(scores, {"year": year}, api.token()) for year in (2025, 2026)]
    assert new == old
    empty = await create(api, 2027, withScores=False)
    assert empty["edition"]["revision"] == 0
    assert not await pool.fetchval("select exists (select from submission where edition = 2027)")


@pytest.mark.parametrize(
    ("wish", "code", "path"),
    [
        ({"year": 2025}, "DUPLICATE", ["year"]),
        ({"from": 1999}, "UNKNOWN_EDITION", ["from"]),
        ({"year": 99_999}, "OUT_OF_RANGE", ["year"]),
        ({"source": "\0"}, "OUT_OF_RANGE", ["source"]),
    ],
)
async def test_a_draft_that_cannot_be_is_refused(wish: dict[str, Any], code: str, path: list[str], api: Api) -> None:
    refused = await create(api, **wish)
    assert refused["edition"] is None
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [(code, path)]


@pytest.mark.parametrize("role", [None, Role.READER])
async def test_a_reader_gets_for_a_draft_what_an_unknown_edition_gets(
    role: Role | None, api: Api, recompute: Recompute
) -> None:
    token = None if role is None else api.token(role)
    known = await api.data(KNOWN, token=token)
    caught = {name: await api.post(at_door(query, 2026), token=token) for name, query in DOORS.items()}
    exports = [(await api.client.get("/export/2026.csv")).status_code]
    metrics = (await api.client.get("/metrics")).text
    await create(api)
    await recompute()
    await api.service.live.refresh()
    assert (await api.data("{ ranking(edition: 2026) { revision } }", token=api.token()))["ranking"] == {"revision": 1}
    for name, query in DOORS.items():
        assert await api.post(at_door(query, 2026), token=token) == caught[name], name
    assert await api.data(KNOWN, token=token) == known
    exports.append((await api.client.get("/export/2026.csv")).status_code)
    assert exports == [404, 404]
    assert 'edition="2026"' not in metrics + (await api.client.get("/metrics")).text
    past = await api.data('{ city(slug: "krefeld") { history { id } timeline { edition { year } } } }', token=token)
    assert len(past["city"]["history"]) == len([each for each in known["editions"] if each["year"] in (2024, 2025)])
    assert 2026 not in [each["edition"]["year"] for each in past["city"]["timeline"]]


async def test_an_entity_tag_does_not_tell_of_a_draft(api: Api, recompute: Recompute) -> None:
    async def tag() -> str:
        answer = await api.client.get("/graphql", params={"query": KNOWN})
        return str(answer.headers["etag"])

    before = await tag()
    await create(api)
    await recompute()
    await api.service.live.refresh()
    assert await tag() == before


async def test_an_editor_submits_to_a_draft_and_sees_no_ranking_of_it(api: Api, recompute: Recompute) -> None:
    await create(api)
    await recompute()
    await api.service.live.refresh()
    editor = api.token(Role.EDITOR, "krefeld")
    [payload] = (await api.data(SUBMIT, {"input": {"edition": 2026, "scores": [payment(50)]}}, editor)).values()
    assert payload["errors"] == []
    assert payload["submission"]["edition"] == {"year": 2026}
    own = "query($id: ID!) { submission(id: $id) { revision } }"
    assert (await api.data(own, {"id": payload["submission"]["id"]}, editor))["submission"] == {"revision": 2}
    await recompute()
    for name in ("ranking", "City.result", "node: RankingEntry", "simulateRanking"):
        unknown = await api.post(at_door(DOORS[name], 2031), token=editor)
        answer = await api.post(at_door(DOORS[name], 2026), token=editor)
        assert str(answer).replace("2026", "2031") == str(unknown), name


async def test_a_draft_moves_no_published_edition(api: Api, pool: Pool, recompute: Recompute) -> None:
    await create(api, 2018)
    await recompute()
    moved = "select year, revision from edition where year > 2018 and year < 2026 order by year"
    before = await pool.fetch(moved)
    await api.data(SUBMIT, {"input": {"edition": 2018, "scores": [payment(1)]}}, api.token())
    await recompute()
    assert await pool.fetch(moved) == before
    newest = "select basis from ranking where edition = 2024 order by revision desc limit 1"
    assert "2018" not in (await pool.fetchval(newest))["definitions"]
    assert (await change(api, PUBLISH, input={"edition": 2018}))["errors"] == []
    await recompute()
    assert "2018" in (await pool.fetchval(newest))["rankings"]


async def test_an_edition_is_published_once_it_is_ranked(api: Api, recompute: Recompute) -> None:
    await create(api)
    refused = await change(api, PUBLISH, input={"edition": 2026})
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [("NOT_RANKED", ["edition"])]
    await recompute()
    stale = await change(api, PUBLISH, input={"edition": 2026, "expectedRevision": 0})
    assert [error["code"] for error in stale["errors"]] == ["REVISION_CONFLICT"]
    published = await change(api, PUBLISH, input={"edition": 2026, "expectedRevision": 1})
    assert (published["errors"], published["edition"]["state"]) == ([], "PUBLISHED")
    assert await change(api, PUBLISH, input={"edition": 2026}) == published
    known = await api.data(KNOWN)
    assert known["editions"][0] == known["edition"] == known["ranking"]["edition"] == {"year": 2026}
    again = await change(api, DELETE, year=2026)
    assert [error["code"] for error in again["errors"]] == ["WRONG_STATE"]


async def test_an_edition_is_published_at_its_instant_and_once(api: Api, pool: Pool, recompute: Recompute) -> None:
    await create(api)
    await recompute()
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    scheduled = await change(api, PUBLISH, input={"edition": 2026, "at": at.isoformat()})
    assert scheduled["edition"] == {
        "year": 2026, "state": "SCHEDULED", "publishAt": at.isoformat(), "publishedAt": None,
    }  # fmt: skip
    assert await publication.due(pool) == []
    assert (await change(api, UNSCHEDULE))["edition"] == {"state": "DRAFT"}
    await change(api, PUBLISH, input={"edition": 2026, "at": at.isoformat()})
    await pool.execute("update edition set publish_at = now() - interval '1 second' where year = 2026")
    assert await publication.due(pool) == [2026]
    published = []
    for _ in range(2):
        async with transaction(pool) as writer:
            published.append(await publication.publish_due(writer, 2026))
    assert published == [True, False]
    await api.service.live.refresh()
    assert (await api.data(KNOWN))["edition"] == {"year": 2026}
    kinds = await pool.fetchval("select array_agg(kind order by id) from edition_event where edition = 2026")
    assert kinds == ["created", "scheduled", "unscheduled", "scheduled", "published"]


async def test_an_instant_needs_a_zone(api: Api) -> None:
    await create(api)
    refused = await change(api, PUBLISH, input={"edition": 2026, "at": "2999-10-25T02:30:00"})
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [("OUT_OF_RANGE", ["at"])]


async def test_an_edition_closes_when_it_is_ranked_and_opens_for_a_reason(api: Api, recompute: Recompute) -> None:
    await create(api)
    assert [error["code"] for error in (await change(api, CLOSE))["errors"]] == ["WRONG_STATE"]
    await recompute()
    await change(api, PUBLISH, input={"edition": 2026})
    await api.data(SUBMIT, {"input": {"edition": 2026, "scores": [payment(50)]}}, api.token())
    assert [error["code"] for error in (await change(api, CLOSE))["errors"]] == ["NOT_RANKED"]
    await recompute()
    assert (await change(api, CLOSE))["edition"]["state"] == "CLOSED"
    assert [error["code"] for error in (await change(api, REOPEN, reason=" "))["errors"]] == ["EMPTY"]
    opened = await change(api, REOPEN, reason="Bonn's figures were wrong")
    assert opened == {"edition": {"state": "PUBLISHED", "closedAt": None}, "errors": []}


async def test_a_draft_is_deleted_with_all_that_is_its(api: Api, pool: Pool, recompute: Recompute) -> None:
    tables = ("measure", "member", "score", "score_change", "submission", "ranking_column", "definition", "city")
    counts = "select " + ", ".join(f"(select count(*) from {table}) as {table}" for table in tables)
    before = await pool.fetchrow(counts)
    await create(api)
    add = """mutation { addCity(input: {edition: 2026, city: "new-city", name: "New City", state: "Hessen",
        population: 100001}) { errors { message } } }"""
    assert (await api.data(add, token=api.token()))["addCity"] == {"errors": []}
    await recompute()
    await api.service.live.refresh()
    assert (await api.data('{ city(slug: "new-city") { name } }'))["city"] is None
    assert await change(api, DELETE, year=2026) == {"year": 2026, "errors": []}
    assert await pool.fetchrow(counts) == before
    again = await create(api)
    assert again["edition"]["revision"] == 3, "a ranking of the deleted draft must not be taken for one of this"


async def test_who_follows_the_newest_edition_gets_a_new_one_when_it_is_published(
    api: Api, recompute: Recompute
) -> None:
    follow = "subscription { rankingRecomputed { ranking { edition { year } revision } } }"
    async with connected(api) as socket:
        await socket.subscribe(follow)
        assert (await socket.event())["ranking"]["edition"] == {"year": 2025}
        await create(api)
        await recompute()
        await api.service.live.refresh()
        await socket.nothing()
        await change(api, PUBLISH, input={"edition": 2026})
        assert (await socket.event())["ranking"] == {"edition": {"year": 2026}, "revision": 1}
