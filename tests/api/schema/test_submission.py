"""Score updates: all or nothing, every reason named, nothing lost, nothing twice."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from api.access.token import Role
from db.change.proposal import ProblemCode
from db.composite.framework import Aggregation, Level, Measure, Methodology, Normalisation
from db.dataset import load
from db.dataset.dataset import Dataset, EditionData
from db.index.city import City
from db.postgres.pool import Pool, create_pool
from db.settings import Settings
from tests.conftest import Api, Recompute, running_api

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


async def load_apart(pool: Pool, years: Iterable[int]) -> None:
    """Editions without scores: nothing that a submission to one locks is locked by one to another."""
    edition = EditionData(
        Methodology(Normalisation.NONE, Aggregation.ARITHMETIC_MEAN, 10, 10, 10, 0),
        [Measure("all", Level.CATEGORY, None, "Alles", "All", 1)],
        {"a": None},
    )
    await load.load(pool, Dataset({"a": City("a", "A", "Made Up", None, None)}, dict.fromkeys(years, edition)))


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
    await api.service.live.refresh()
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
    "everything": (
        {
            "scores": [payment(1e300, "krefeld", source=""), payment(None, "nowhere"), payment(None, "nowhere")],
            "source": "a\nb",
            "idempotencyKey": "x" * 2001,
            "expectedRevision": 0,
        },
        [
            ("OUT_OF_RANGE", ["source"]),
            ("OUT_OF_RANGE", ["idempotencyKey"]),
            ("REVISION_CONFLICT", ["expectedRevision"]),
            ("OUT_OF_RANGE", ["scores", "0", "value"]),
            ("EMPTY", ["scores", "0", "source"]),
            ("UNKNOWN_CITY", ["scores", "1", "city"]),
            ("UNKNOWN_CITY", ["scores", "2", "city"]),
            ("DUPLICATE", ["scores", "2"]),
        ],
    ),
    "all but the scores": (
        {"edition": -1, "scores": [], "source": "", "idempotencyKey": "\ud7ff"},
        [
            ("EMPTY", ["scores"]),
            ("EMPTY", ["source"]),
            ("OUT_OF_RANGE", ["idempotencyKey"]),
            ("UNKNOWN_EDITION", ["edition"]),
        ],
    ),
    "too many with more": (
        {"scores": [payment(101)] * 10_001, "source": "", "expectedRevision": 5},
        [("TOO_MANY", ["scores"]), ("EMPTY", ["source"]), ("REVISION_CONFLICT", ["expectedRevision"])],
    ),
    "removed twice": ({"scores": [payment(None), payment(None)]}, [("DUPLICATE", ["scores", "1"])]),
    "of another edition": (
        {"edition": 2024, "scores": [payment()]},
        [("UNKNOWN_MEASURE", ["scores", "0", "measure"])],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_call_names_every_reason_and_leaves_nothing(name: str, read_api: Api) -> None:
    given, expected = REFUSED[name]
    pool = read_api.service.pool
    before = await pool.fetchrow(STATE)
    payload = await submit(read_api, **given)
    assert payload["submission"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == expected
    assert all(error["message"] for error in payload["errors"])
    assert await pool.fetchrow(STATE) == before


def test_every_code_that_can_occur_is_tried() -> None:
    elsewhere = {
        ProblemCode.NOT_FINITE,
        ProblemCode.IDEMPOTENCY_CONFLICT,
        ProblemCode.EDITION_CLOSED,
        ProblemCode.UNKNOWN_RANKING,
        ProblemCode.UNKNOWN_PROPOSAL,
        ProblemCode.PROPOSAL_DECIDED,
        ProblemCode.TOO_MANY_PENDING,
        ProblemCode.NOT_RANKED,
        ProblemCode.WRONG_STATE,
    }
    tried = {ProblemCode[code] for _, problems in REFUSED.values() for code, _ in problems}
    assert tried | elsewhere == set(ProblemCode)


@pytest.mark.parametrize("literal", ["1e999", "-1e999", "9" * 400])
async def test_an_infinite_literal_is_refused(literal: str, read_api: Api) -> None:
    query = f"""mutation {{ submitScores(input: {{edition: 2025, scores: [
      {{city: "krefeld", measure: "payment", value: {literal}}}]}}) {{ errors {{ code path }} }} }}"""
    payload = (await read_api.data(query, token=read_api.token()))["submitScores"]
    assert payload["errors"] == [{"code": "NOT_FINITE", "path": ["scores", "0", "value"]}]


@pytest.mark.parametrize(("value", "shown"), [("90", "'90'"), (True, "True"), ([90], "[90]"), ({"a": 1}, "{'a': 1}")])
async def test_another_type_for_a_number_is_the_clients_error(value: Any, shown: str, read_api: Api) -> None:
    variables = {"input": {"edition": 2025, "scores": [payment() | {"value": value}]}}
    answer = await read_api.post(SUBMIT, variables, read_api.token())
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert shown in error["message"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 400])
async def test_what_json_cannot_say_is_a_bad_request(number: str, read_api: Api) -> None:
    variables = json.dumps({"input": {"edition": 2025, "scores": [payment()]}}).replace("90", number)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {read_api.token()}"}
    body = f'{{"query": {json.dumps(SUBMIT)}, "variables": {variables}}}'
    response = await read_api.client.post("/graphql", content=body, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


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


async def test_concurrent_calls_with_one_key_and_other_content_make_one_submission(api: Api, pool: Pool) -> None:
    payloads = await asyncio.gather(*(submit(api, [payment(value)], idempotencyKey="k") for value in range(8)))
    codes = [[error["code"] for error in payload["errors"]] for payload in payloads]
    assert sorted(codes) == [[]] + [["IDEMPOTENCY_CONFLICT"]] * 7
    assert await pool.fetchval("select count(*) from submission where idempotency_key = 'k'") == 1
    assert await pool.fetchval("select revision from edition where year = 2025") == 2


async def test_concurrent_calls_with_one_key_for_two_editions_make_one_submission(empty_settings: Settings) -> None:
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    years = range(3000, 3008)
    await load_apart(pool, years)
    async with running_api(empty_settings) as api:
        score = {"city": "a", "measure": "all", "value": 1}
        payloads = await asyncio.gather(
            *(submit(api, [score], edition=year, idempotencyKey="k") for year in reversed(years))
        )
    codes = [[error["code"] for error in payload["errors"]] for payload in payloads]
    assert sorted(codes) == [[]] + [["IDEMPOTENCY_CONFLICT"]] * 7
    await pool.close()


async def test_a_key_belongs_to_whoever_used_it(api: Api) -> None:
    first = await submit(api, [payment()], idempotencyKey="k")
    other = await submit(api, [payment()], idempotencyKey="k", token=api.token(Role.EDITOR, "krefeld"))
    assert [payload["submission"]["revision"] for payload in (first, other)] == [2, 3]


async def test_a_repeated_call_tells_what_became_of_the_first(api: Api, recompute: Recompute, pool: Pool) -> None:
    first = await submit(api, [payment()], idempotencyKey="k")
    await recompute()
    before = await pool.fetchrow(STATE)
    again = await submit(api, [payment()], idempotencyKey="k")
    ranked = {"status": "RANKED", "ranking": {"revision": 2}}
    assert again == {"submission": first["submission"] | ranked, "errors": []}
    assert await pool.fetchrow(STATE) == before


async def test_one_ranking_may_be_the_first_to_contain_many_submissions(api: Api, recompute: Recompute) -> None:
    ids = [(await submit(api, [payment(value)]))["submission"]["id"] for value in (10, 20, 30)]
    await recompute()
    for id_ in ids:
        query = "query($id: ID!) { submission(id: $id) { status ranking { revision } } }"
        found = (await api.data(query, {"id": id_}))["submission"]
        assert found == {"status": "RANKED", "ranking": {"revision": 4}}


async def test_concurrent_calls_with_one_expected_revision_let_one_in(api: Api) -> None:
    payloads = await asyncio.gather(*(submit(api, [payment(value)], expectedRevision=1) for value in range(8)))
    assert sorted(payload["submission"] is not None for payload in payloads) == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("role", "city", "code"),
    [(None, (), "UNAUTHENTICATED"), (Role.READER, (), "FORBIDDEN"), (Role.EDITOR, "bonn", "FORBIDDEN")],
)
async def test_who_may_not_gets_an_error_that_says_so(
    role: Role | None, city: str | tuple[()], code: str, api: Api, pool: Pool
) -> None:
    token = None if role is None else api.token(role, city)
    answer = await api.post(SUBMIT, {"input": {"edition": 2025, "scores": [payment()]}}, token)
    assert answer["data"] is None
    [error] = answer["errors"]
    assert error["extensions"]["code"] == code
    assert "token" in error["message"]
    assert await pool.fetchval("select revision from edition where year = 2025") == 1


async def test_an_editor_may_not_add_another_city_to_its_own(api: Api, pool: Pool) -> None:
    before = await pool.fetchrow(STATE)
    variables = {"input": {"edition": 2025, "scores": [payment(), payment(city="bonn")]}}
    answer = await api.post(SUBMIT, variables, api.token(Role.EDITOR, "krefeld"))
    [error] = answer["errors"]
    assert (answer["data"], error["path"]) == (None, ["submitScores"])
    assert error["message"] == "this token may change the scores of krefeld only"
    assert error["extensions"] == {"code": "FORBIDDEN"}
    assert await pool.fetchrow(STATE) == before


async def test_a_mutation_by_get_writes_nothing(api: Api, pool: Pool) -> None:
    before = await pool.fetchrow(STATE)
    params = {"query": SUBMIT, "variables": json.dumps({"input": {"edition": 2025, "scores": [payment()]}})}
    headers = {"Authorization": f"Bearer {api.token()}"}
    response = await api.client.get("/graphql", params=params, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert await pool.fetchrow(STATE) == before


async def test_an_accepted_call_asks_for_the_rankings_that_it_moves(api: Api, pool: Pool) -> None:
    headers = {"Authorization": f"Bearer {api.token()}"}
    score = {"city": "krefeld", "measure": "mobility", "value": 100}
    body = {"query": SUBMIT, "variables": {"input": {"edition": 2024, "scores": [score]}}}
    await pool.execute("delete from outbox")
    response = await api.client.post("/graphql", json=body, headers=headers)
    assert response.json()["data"]["submitScores"]["errors"] == []
    rows = await pool.fetch("select edition, trace_id from outbox order by id")
    trace_id = response.headers["x-trace-id"]
    assert [tuple(row) for row in rows] == [(2024, trace_id), (2025, trace_id)]


async def test_a_category_value_stands_in_until_it_is_removed(api: Api, recompute: Recompute) -> None:
    query = """{ ranking { entry(city: "krefeld") { category(code: "administration") { score status estimatedShare
      indicators { weight contribution } } } } }"""
    before = (await api.data(query))["ranking"]["entry"]["category"]
    found = []
    for value in (12.5, None):
        await submit(api, [{"city": "krefeld", "measure": "administration", "value": value}])
        await recompute()
        await api.service.live.refresh()
        found.append((await api.data(query))["ranking"]["entry"]["category"])
    standing_in = {"weight": None, "contribution": None}
    assert found[0] == {"score": 12.5, "status": "RECORDED", "estimatedShare": 0, "indicators": [standing_in] * 8}
    assert found[1] == before


async def test_null_removes_and_leaving_the_value_out_is_an_error(api: Api, pool: Pool) -> None:
    score: dict[str, Any] = {"city": "krefeld", "measure": "payment"}
    [error] = (await submit(api, [score]))["errors"]
    assert (error["code"], error["path"]) == ("EMPTY", ["scores", "0", "value"])
    assert error["message"] == "value is left out: give a number, or null to remove what is recorded"
    score["value"] = None
    counts = [(await submit(api, [score]))["submission"]["changeCount"] for _ in range(2)]
    assert counts == [1, 0]
    left = """select count(*) from score s join measure m on m.id = s.measure_id join city c on c.id = s.city_id
      where c.slug = 'krefeld' and m.code = 'payment'"""
    assert await pool.fetchval(left) == 0


async def test_the_top_of_an_indicators_own_scale_is_accepted(api: Api, recompute: Recompute) -> None:
    measure = "other_administration_projects"
    await submit(api, [{"city": "bonn", "measure": measure, "value": 35}, payment(0)])
    await recompute()
    await api.service.live.refresh()
    query = """{ city(slug: "bonn") { result { category(code: "administration") { indicators { indicator { code }
      value score rank status } } } } }"""
    indicators = (await api.data(query))["city"]["result"]["category"]["indicators"]
    expected = {"indicator": {"code": measure}, "value": 35, "score": 100, "rank": 1, "status": "RECORDED"}
    assert indicators[-1] == expected


async def test_an_editor_changes_its_own_city(api: Api) -> None:
    payload = await submit(api, [payment()], token=api.token(Role.EDITOR, "krefeld"))
    assert payload["submission"]["submittedBy"] == "editor:krefeld"


async def test_a_correction_reaches_the_comparison_of_the_next_edition(api: Api, recompute: Recompute) -> None:
    scores = [{"city": "krefeld", "measure": code, "value": 100} for code in ("mobility", "administration")]
    await submit(api, scores, edition=2024)
    await recompute()
    await api.service.live.refresh()
    result = '{ city(slug: "krefeld") { history { rank previousRank } } editions { year revision } }'
    found = await api.data(result)
    newer, older = found["city"]["history"][1], found["city"]["history"][0]
    assert newer["previousRank"] == older["rank"] != 43
    assert [(e["year"], e["revision"]) for e in found["editions"]][:3] == [(2025, 2), (2024, 2), (2023, 0)]


async def test_an_idempotency_key_is_kept_for_a_day(api: Api, pool: Pool) -> None:
    first = await submit(api, [payment(1)], idempotencyKey="k")
    later = "update submission set submitted_at = submitted_at - $1::interval where idempotency_key = 'k'"
    await pool.execute(later, timedelta(hours=23))
    assert (await submit(api, [payment(1)], idempotencyKey="k"))["submission"]["id"] == first["submission"]["id"]
    await pool.execute(later, timedelta(hours=2))
    again = await submit(api, [payment(2)], idempotencyKey="k")
    assert (again["errors"], again["submission"]["revision"]) == ([], 3)
