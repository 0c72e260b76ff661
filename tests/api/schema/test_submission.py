"""Score updates: all or nothing, every reason named, nothing lost, nothing twice."""

import asyncio
from typing import Any

import pytest

from api.auth import Role
from db.pool import Pool
from tests.conftest import Api, Recompute

SUBMIT = """mutation($input: SubmitScoresInput!) { submitScores(input: $input) {
  submission { id revision changeCount submittedBy status edition { year } ranking { revision } }
  errors { code message path } } }"""
STATE = """select (select revision from edition where year = 2025) as revision,
  (select count(*) from submission) as submissions, (select count(*) from score_change) as changes,
  (select count(*) from outbox) as requests, (select sum(value) from score) as total"""

Score = dict[str, Any]


def payment(value: float | None = 90, city: str = "krefeld", **more: Any) -> Score:
    """A score of the indicator Payment."""
    return {"city": city, "measure": "payment", "value": value, **more}


async def submit(api: Api, scores: list[Score], *, token: str | None = None, **more: Any) -> Any:
    """The payload of one call by an admin."""
    variables = {"input": {"edition": 2025, "scores": scores, **more}}
    return (await api.data(SUBMIT, variables, token or api.token()))["submitScores"]


async def test_an_accepted_call_is_ranked(api: Api, recompute: Recompute) -> None:
    payload = await submit(api, [payment(), payment(city="bonn")], source="https://example.org/made-up")
    assert payload["errors"] == []
    submission = payload["submission"]
    assert submission | {"id": None} == {
        "id": None,
        "revision": 2,
        "changeCount": 2,
        "submittedBy": "admin",
        "status": "ACCEPTED",
        "edition": {"year": 2025},
        "ranking": None,
    }
    await recompute()
    query = "query($id: ID!) { submission(id: $id) { status ranking { revision } } node(id: $id) { id } }"
    found = await api.data(query, {"id": submission["id"]})
    assert found["submission"] == {"status": "RANKED", "ranking": {"revision": 2}}
    assert found["node"] == {"id": submission["id"]}
    # Who has read RANKED is shown that ranking, without waiting for an event.
    answer = await api.data(
        '{ ranking { revision entry(city: "krefeld") { category(code: "administration") { rank } } } }'
    )
    assert answer["ranking"] == {"revision": 2, "entry": {"category": {"rank": 13}}}


async def test_every_change_is_audited(api: Api, pool: Pool) -> None:
    await submit(api, [payment(90, source="one"), payment(None, city="bonn")], source="all")
    rows = await pool.fetch(
        """select c.slug, m.code, sc.old_value, sc.old_status::text, sc.new_value, sc.new_status::text, sc.source,
                  su.submitted_by
           from score_change sc join city c on c.id = sc.city_id join measure m on m.id = sc.measure_id
           join submission su on su.edition = sc.edition and su.revision = sc.revision
           where sc.revision = 2 order by c.slug desc"""
    )
    before = await pool.fetchval(
        """select sc.new_value from score_change sc join city c on c.id = sc.city_id
           join measure m on m.id = sc.measure_id where c.slug = 'bonn' and m.code = 'payment' and sc.revision = 1"""
    )
    assert [tuple(row) for row in rows] == [
        ("krefeld", "payment", 100.0, "published", 90.0, "recorded", "one", "admin"),
        ("bonn", "payment", before, "estimated", None, None, "all", "admin"),
    ]


async def test_null_removes_the_recorded_value(api: Api, recompute: Recompute) -> None:
    await submit(api, [payment(None)])
    await recompute()
    await api.service.index.refresh()
    result = await api.data(
        """{ city(slug: "krefeld") { result { category(code: "administration") { score
             indicators { value score rank weight contribution status } } } } }"""
    )
    category = result["city"]["result"]["category"]
    assert category["score"] == pytest.approx(587.2 / 635 * 100, abs=1e-12)
    assert category["indicators"][1] == {
        "value": None, "score": None, "rank": None, "weight": None, "contribution": None, "status": "COMPUTED",
    }  # fmt: skip


async def test_what_is_recorded_already_does_not_count(api: Api) -> None:
    await submit(api, [payment()], source="s")
    again = await submit(api, [payment()], source="s")
    assert (again["submission"]["revision"], again["submission"]["changeCount"]) == (3, 0)


REFUSED: dict[str, tuple[dict[str, Any], list[tuple[str, list[str]]]]] = {
    "empty": ({"scores": []}, [("EMPTY", ["scores"])]),
    "edition": ({"edition": 1999, "scores": [payment()]}, [("UNKNOWN_EDITION", ["edition"])]),
    "city": ({"scores": [payment(city="nowhere")]}, [("UNKNOWN_CITY", ["scores", "0", "city"])]),
    "measure": (
        {"scores": [payment() | {"measure": "overall"}]},
        [("UNKNOWN_MEASURE", ["scores", "0", "measure"])],
    ),
    "member": (
        {"edition": 2024, "scores": [payment(city="cottbus") | {"measure": "mobility"}]},
        [("CITY_NOT_IN_EDITION", ["scores", "0", "city"])],
    ),
    "above": ({"scores": [payment(100.01)]}, [("OUT_OF_RANGE", ["scores", "0", "value"])]),
    "below": ({"scores": [payment(-0.01)]}, [("OUT_OF_RANGE", ["scores", "0", "value"])]),
    "huge": ({"scores": [payment(1.7e308)]}, [("OUT_OF_RANGE", ["scores", "0", "value"])]),
    "above its own maximum": (
        {"scores": [payment(35.1) | {"measure": "other_administration_projects"}]},
        [("OUT_OF_RANGE", ["scores", "0", "value"])],
    ),
    "twice": ({"scores": [payment(), payment(80)]}, [("DUPLICATE", ["scores", "1"])]),
    "revision": ({"scores": [payment()], "expectedRevision": 2}, [("REVISION_CONFLICT", ["expectedRevision"])]),
    "source": ({"scores": [payment()], "source": "x" * 2001}, [("OUT_OF_RANGE", ["source"])]),
    "NUL": ({"scores": [payment(source="a\0b")]}, [("OUT_OF_RANGE", ["scores", "0", "source"])]),
    "key": ({"scores": [payment()], "idempotencyKey": ""}, [("EMPTY", ["idempotencyKey"])]),
    "many": (
        {"scores": [payment(), payment(city="x\0"), payment(101, city="bonn"), {"city": "x", "measure": "y"}]},
        [
            ("UNKNOWN_CITY", ["scores", "1", "city"]),
            ("OUT_OF_RANGE", ["scores", "2", "value"]),
            ("UNKNOWN_CITY", ["scores", "3", "city"]),
            ("UNKNOWN_MEASURE", ["scores", "3", "measure"]),
        ],
    ),
    "too many": ({"scores": [payment()] * 10_001}, [("TOO_MANY", ["scores"])]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_call_names_every_reason_and_leaves_nothing(name: str, api: Api, pool: Pool) -> None:
    given, expected = REFUSED[name]
    before = await pool.fetchrow(STATE)
    payload = await submit(api, **given)
    assert payload["submission"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == expected
    assert all(error["message"] for error in payload["errors"])
    assert await pool.fetchrow(STATE) == before


@pytest.mark.parametrize("literal", ["1e999", "-1e999"])
async def test_an_infinite_literal_is_refused(literal: str, api: Api) -> None:
    query = f"""mutation {{ submitScores(input: {{edition: 2025, scores: [
      {{city: "krefeld", measure: "payment", value: {literal}}}]}}) {{ errors {{ code path }} }} }}"""
    payload = (await api.data(query, token=api.token()))["submitScores"]
    assert payload["errors"] == [{"code": "NOT_FINITE", "path": ["scores", "0", "value"]}]


async def test_a_string_for_a_number_is_the_clients_error(api: Api) -> None:
    answer = await api.post(SUBMIT, {"input": {"edition": 2025, "scores": [payment() | {"value": "90"}]}}, api.token())
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "'90'" in error["message"]


async def test_an_idempotency_key_gives_the_first_submission_again(api: Api, pool: Pool) -> None:
    scores = [payment(), payment(city="bonn")]
    first = await submit(api, scores, idempotencyKey="k", expectedRevision=1)
    again = await submit(api, scores[::-1], idempotencyKey="k", expectedRevision=1)
    assert again == first
    other = await submit(api, [payment(80)], idempotencyKey="k")
    assert [(error["code"], error["path"]) for error in other["errors"]] == [
        ("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])
    ]
    assert await pool.fetchval("select revision from edition where year = 2025") == 2


async def test_concurrent_calls_with_one_key_make_one_submission(api: Api, pool: Pool) -> None:
    payloads = await asyncio.gather(*(submit(api, [payment()], idempotencyKey="k") for _ in range(8)))
    assert {payload["submission"]["revision"] for payload in payloads} == {2}
    assert await pool.fetchval("select count(*) from submission where idempotency_key = 'k'") == 1


async def test_concurrent_calls_with_one_expected_revision_let_one_in(api: Api) -> None:
    payloads = await asyncio.gather(*(submit(api, [payment(value)], expectedRevision=1) for value in range(8)))
    assert sorted(payload["submission"] is not None for payload in payloads) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("role", "city", "code"),
    [(None, None, "UNAUTHENTICATED"), (Role.READER, None, "UNAUTHENTICATED"), (Role.EDITOR, "bonn", "FORBIDDEN")],
)
async def test_who_may_not_gets_an_error_that_says_so(
    role: Role | None, city: str | None, code: str, api: Api, pool: Pool
) -> None:
    token = None if role is None else api.token(role, city)
    answer = await api.post(SUBMIT, {"input": {"edition": 2025, "scores": [payment()]}}, token)
    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["extensions"]["code"] == code
    assert "token" in error["message"]
    assert await pool.fetchval("select revision from edition where year = 2025") == 1


async def test_an_editor_changes_its_own_city(api: Api) -> None:
    payload = await submit(api, [payment()], token=api.token(Role.EDITOR, "krefeld"))
    assert payload["submission"]["submittedBy"] == "editor:krefeld"


async def test_a_correction_reaches_the_comparison_of_the_next_edition(api: Api, recompute: Recompute) -> None:
    scores = [{"city": "krefeld", "measure": code, "value": 100} for code in ("mobility", "administration")]
    await submit(api, scores, edition=2024)
    await recompute()
    await api.service.index.refresh()
    result = '{ city(slug: "krefeld") { history { rank previousRank } } editions { year revision } }'
    found = await api.data(result)
    newer, older = found["city"]["history"][1], found["city"]["history"][0]
    assert newer["previousRank"] == older["rank"] != 43
    assert [(e["year"], e["revision"]) for e in found["editions"]][:3] == [(2025, 2), (2024, 2), (2023, 0)]
