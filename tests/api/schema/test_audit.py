"""The audit: who recorded what, when, from where, and what was there before."""

from typing import Any

import pytest

from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, watching

CHANGE = """city { slug } measure oldValue oldStatus newValue newStatus source
  submission { revision submittedBy submittedAt }"""
CITY = f"""query($slug: String!, $edition: Int, $measure: String, $first: Int, $after: String, $last: Int,
  $before: String) {{ city(slug: $slug) {{ audit(edition: $edition, measure: $measure, first: $first, after: $after,
    last: $last, before: $before) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
    edges {{ cursor }} nodes {{ {CHANGE} }} }} }} }}"""
SUBMISSION = f"""query($id: ID!, $first: Int, $after: String) {{ submission(id: $id) {{
  changes(first: $first, after: $after) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage endCursor }}
    nodes {{ {CHANGE} }} }} }} }}"""


async def audit(api: Api, slug: str = "krefeld", **more: Any) -> Any:
    return (await api.data(CITY, {"slug": slug, **more}, api.token()))["city"]["audit"]


async def test_every_change_of_a_value_is_there_newest_first(api: Api) -> None:
    await submit(api, [payment(90)], source="https://example.org/a")
    await submit(api, [payment(None)])
    found = await audit(api, edition=2025, measure="payment")
    assert found["totalCount"] == 3
    assert [
        (n["submission"]["revision"], n["oldValue"], n["oldStatus"], n["newValue"], n["newStatus"], n["source"])
        for n in found["nodes"]
    ] == [
        (3, 90, "RECORDED", None, None, None),
        (2, 100, "PUBLISHED", 90, "RECORDED", "https://example.org/a"),
        (1, None, None, 100, "PUBLISHED", found["nodes"][2]["source"]),
    ]
    assert {n["city"]["slug"] for n in found["nodes"]} == {"krefeld"}
    assert [n["submission"]["submittedBy"] for n in found["nodes"]] == ["admin", "admin", "sci load"]


async def test_walking_forwards_and_backwards_meets_the_same_changes(api: Api) -> None:
    await submit(api, [payment(90)])
    whole = await audit(api, first=100)
    assert whole["totalCount"] == len(whole["nodes"]) == 43
    cursors = [edge["cursor"] for edge in whole["edges"]]
    forwards: list[Any] = []
    after = None
    while True:
        page = await audit(api, first=10, after=after)
        assert page["pageInfo"]["hasPreviousPage"] == bool(forwards)
        forwards += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    backwards: list[Any] = []
    before = None
    while True:
        page = await audit(api, last=10, before=before)
        assert page["pageInfo"]["hasNextPage"] == bool(backwards)
        backwards = page["nodes"] + backwards
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert forwards == backwards == whole["nodes"]
    between = await audit(api, after=cursors[3], before=cursors[6])
    assert between["nodes"] == whole["nodes"][4:6]


async def test_a_submission_shows_what_it_changed(api: Api) -> None:
    made = (await submit(api, [payment(90), payment(80, city="bonn"), payment(70, city="aachen")]))["submission"]
    first = (await api.data(SUBMISSION, {"id": made["id"], "first": 2}, api.token()))["submission"]["changes"]
    after = first["pageInfo"]["endCursor"]
    second = (await api.data(SUBMISSION, {"id": made["id"], "after": after}, api.token()))["submission"]["changes"]
    assert (first["totalCount"], len(first["nodes"]), len(second["nodes"])) == (3, 2, 1)
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasPreviousPage"]) == (True, True)
    found = {node["city"]["slug"]: node["newValue"] for node in first["nodes"] + second["nodes"]}
    assert found == {"krefeld": 90, "bonn": 80, "aachen": 70}


async def test_the_audits_of_many_cities_cost_one_statement(api: Api) -> None:
    query = (
        "query($first: Int) { cities(first: $first) { nodes { audit(first: 2) { totalCount nodes { measure } } } } }"
    )
    for first in (2, 50):
        async with watching(api) as statements:
            found = await api.data(query, {"first": first}, api.token())
        assert len(found["cities"]["nodes"]) == first
        assert statements.containing("score_change sc") - statements.containing("has_scores") == 1


async def test_a_city_without_changes_has_an_empty_audit(api: Api) -> None:
    found = await audit(api, edition=2020)
    assert (found["totalCount"], found["nodes"], found["pageInfo"]["hasNextPage"]) == (0, [], False)


@pytest.mark.parametrize("cursor", ["nonsense", "MjAyNToxOjE6MQ==", "MjAyNTox", "YTpiOmM6ZA=="])
async def test_a_stranger_cursor_is_an_error(cursor: str, read_api: Api) -> None:
    variables = {"slug": "krefeld", "after": cursor, "edition": 2024}
    answer = await read_api.post(CITY, variables, read_api.token())
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


PROVENANCE = """{ ranking(edition: 2025) { entry(city: "krefeld") { category(code: "administration") {
  provenance { source } indicators { indicator { code } value
    provenance { source recordedAt previousValue %s } } } } } }"""


async def test_any_value_says_where_it_comes_from(api: Api, recompute: Any) -> None:
    await submit(api, [payment(90)], source="https://example.org/a")
    await recompute()
    await api.service.live.refresh()
    found = await api.data(PROVENANCE % "recordedBy", token=api.token())
    category = found["ranking"]["entry"]["category"]
    assert category["provenance"] is None
    by_code = {i["indicator"]["code"]: i["provenance"] for i in category["indicators"]}
    assert by_code["payment"] | {"recordedAt": None} == {
        "source": "https://example.org/a", "recordedAt": None, "previousValue": 100, "recordedBy": "admin",
    }  # fmt: skip
    assert by_code["service_portal"]["recordedBy"] == "sci load"
    assert by_code["service_portal"]["previousValue"] is None
    anonymous = await api.data(PROVENANCE % "")
    assert anonymous["ranking"]["entry"]["category"]["indicators"][1]["provenance"]["previousValue"] == 100
    hidden = await api.post(PROVENANCE % "recordedBy")
    assert {error["extensions"]["code"] for error in hidden["errors"]} == {"UNAUTHENTICATED"}
