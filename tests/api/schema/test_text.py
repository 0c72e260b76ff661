"""Whatever text a client sends, the answer is an answer: never a bug of ours, never a half-written submission."""

import json

import pytest

from api.operation import limits
from db.excerpt import MOST_REPEATED
from tests.api.schema.test_submission import STATE
from tests.conftest import Api

READS = {
    "city": "query($s: String!) { city(slug: $s) { name } }",
    "search": "query($s: String!) { cities(filter: {search: $s}) { totalCount nodes { name } } }",
    "states": "query($s: String!) { cities(filter: {states: [$s]}) { totalCount } }",
    "after": "query($s: String!) { cities(after: $s) { totalCount } }",
    "before": "query($s: String!) { ranking { entries(before: $s) { totalCount } } }",
    "filter": "query($s: String!) { ranking { entries(filter: {states: [$s], cities: [$s]}) { totalCount } } }",
    "entry": "query($s: String!) { ranking { entry(city: $s) { rank } } }",
    "category": "query($s: String!) { ranking { category(code: $s) { category { code } } } }",
    "node": "query($s: ID!) { node(id: $s) { id } }",
    "submission": "query($s: ID!) { submission(id: $s) { revision } }",
    "simulate": """query($s: String!) { simulateRanking(input: {edition: 2025, scores: [
      {city: $s, measure: $s, value: 1, source: $s}]}) { entries { rank } errors { code message path } } }""",
}
NOTHING = {
    "city": {"city": None},
    "entry": {"ranking": {"entry": None}},
    "category": {"ranking": {"category": None}},
}
SUBMITS = {
    "city": 'scores: [{city: $s, measure: "payment", value: 1}]',
    "measure": 'scores: [{city: "krefeld", measure: $s, value: 1}]',
    "source of a score": 'scores: [{city: "krefeld", measure: "payment", value: 1, source: $s}]',
    "source": 'scores: [{city: "krefeld", measure: "payment", value: 1}], source: $s',
    "idempotencyKey": 'scores: [{city: "krefeld", measure: "payment", value: 1}], idempotencyKey: $s',
}
# These cannot be written in UTF-8, so they come as escapes.
HALVES = ["\ud800", "x\udfff"]
TEXTS = [
    "\0", "a\0b", "\x1b[31m", "\r\n", "\u202e", "\uffff", "\U0010ffff", "\u00df\u0130", "'; drop table score; --",
    "%s%n{}", '\\"', "x" * 20_000,
]  # fmt: skip


def code_of(answer: dict[str, object]) -> object:
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if isinstance(errors, list) else None


@pytest.mark.parametrize("text", HALVES, ids=ascii)
async def test_half_a_character_is_no_json_and_no_graphql(text: str, read_api: Api) -> None:
    body = json.dumps({"query": READS["city"], "variables": {"s": text}})
    headers = {"Content-Type": "application/json"}
    response = await read_api.client.post("/graphql", content=body, headers=headers)
    assert (response.status_code, code_of(response.json())) == (400, "BAD_REQUEST")
    literal = f"{{ city(slug: {json.dumps(text)}) {{ name }} }}"
    assert code_of(await read_api.post(literal)) == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:20])
async def test_any_text_may_be_asked_for(text: str, read_api: Api) -> None:
    for name, query in READS.items():
        response = await read_api.client.post("/graphql", json={"query": query, "variables": {"s": text}})
        answer = response.json()
        assert (response.status_code, code_of(answer)) in {(200, None), (200, "BAD_USER_INPUT")}, name
        if len(text) > limits.NAME_CHARACTERS:
            assert text[: MOST_REPEATED + 1] not in response.text, name
            assert answer["errors"], name
            continue
        if name in NOTHING:
            assert answer["data"] == NOTHING[name]
        if name == "simulate":
            errors = answer["data"]["simulateRanking"]["errors"]
            assert [error["path"] for error in errors][:2] == [["scores", "0", "city"], ["scores", "0", "measure"]]


async def test_any_text_may_be_submitted(api: Api) -> None:
    pool, refused = api.service.pool, []
    for name, scores in SUBMITS.items():
        query = f"""mutation($s: String!) {{ submitScores(input: {{edition: 2025, {scores}}}) {{
          submission {{ revision }} errors {{ code path }} }} }}"""
        for text in TEXTS:
            before = await pool.fetchrow(STATE)
            answer = await api.post(query, {"s": text}, api.token())
            if name in ("city", "measure") and len(text) > limits.NAME_CHARACTERS:
                assert code_of(answer) == "BAD_USER_INPUT"
                assert await pool.fetchrow(STATE) == before
                refused.append((name, text))
                continue
            payload = answer["data"]["submitScores"]
            kept = payload["submission"] is not None
            assert kept == (payload["errors"] == [])
            assert (await pool.fetchrow(STATE) == before) == (not kept)
            if not kept:
                refused.append((name, text))
    printable = [text for text in TEXTS if text.isprintable() and len(text) <= 2000]
    accepted = {name: [text for text in TEXTS if (name, text) not in refused] for name in SUBMITS}
    assert accepted == {"city": [], "measure": []} | dict.fromkeys(list(SUBMITS)[2:], printable)
