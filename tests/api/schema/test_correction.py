"""Corrections of published editions, in the open; proposals that are taken back."""

from typing import Any

from api.access.token import Role
from db.postgres.pool import Pool
from tests.api.schema.test_edition_life import CLOSE, PUBLISH, REOPEN, change, create
from tests.api.schema.test_submission import payment
from tests.conftest import Api, Recompute

SUBMIT = """mutation($input: SubmitScoresInput!) { submitScores(input: $input) {
  submission { revision } proposal { id } errors { code path } } }"""
CORRECTIONS = """query($year: Int!, $first: Int = 10, $after: String) { edition(year: $year) {
  corrections(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes {
    id revision reason edition { year } values { city { slug } measure oldValue newValue }
    changes { city { slug } category { code } oldRank newRank } } } } }"""
WITHDRAW = """mutation($id: ID!) { withdrawProposal(input: {id: $id}) {
  proposal { status decidedBy } errors { code path } } }"""


async def submit(api: Api, value: float, token: str | None = None, **more: Any) -> Any:
    given = {"edition": 2025, "scores": [payment(value)], **more}
    return (await api.data(SUBMIT, {"input": given}, token or api.token()))["submitScores"]


async def corrections(api: Api, **variables: Any) -> Any:
    """As a reader sees them."""
    return (await api.data(CORRECTIONS, {"year": 2025, **variables}))["edition"]["corrections"]


async def test_a_correction_is_listed_with_its_reason_its_values_and_whose_ranks_it_moved(
    api: Api, recompute: Recompute
) -> None:
    assert (await corrections(api))["nodes"] == []
    await submit(api, 1, correction="The city counted twice.")
    [waits] = (await corrections(api))["nodes"]
    assert (waits["revision"], waits["reason"], waits["changes"]) == (2, "The city counted twice.", [])
    [value] = waits["values"]
    assert (value["city"]["slug"], value["measure"], value["newValue"]) == ("krefeld", "payment", 1)
    assert value["oldValue"] not in (None, 1)
    await recompute()
    [ranked] = (await corrections(api))["nodes"]
    own = [each for each in ranked["changes"] if each["city"]["slug"] == "krefeld" and each["category"] is None]
    assert own[0]["newRank"] > own[0]["oldRank"]
    await submit(api, 2)
    assert [each["reason"] for each in (await corrections(api))["nodes"]] == [
        "No reason was given.", "The city counted twice.",
    ]  # fmt: skip
    node = await api.data("query($id: ID!) { node(id: $id) { ... on Correction { revision } } }", {"id": ranked["id"]})
    assert node["node"] == {"revision": 2}


async def test_corrections_come_in_pages(api: Api) -> None:
    for value in (1, 2, 3):
        await submit(api, value)
    first = await corrections(api, first=2)
    assert ([each["revision"] for each in first["nodes"]], first["totalCount"]) == ([4, 3], 3)
    second = await corrections(api, first=2, after=first["pageInfo"]["endCursor"])
    assert ([each["revision"] for each in second["nodes"]], second["pageInfo"]["hasNextPage"]) == ([2], False)


async def test_what_a_draft_was_before_is_no_correction_and_an_opening_is_one(api: Api, recompute: Recompute) -> None:
    await create(api)
    await submit(api, 1, edition=2026)
    await recompute()
    await change(api, PUBLISH, input={"edition": 2026})
    assert (await corrections(api, year=2026))["totalCount"] == 0
    await change(api, CLOSE)
    await change(api, REOPEN, reason="A city was missing.")
    [opened] = (await corrections(api, year=2026))["nodes"]
    assert (opened["reason"], opened["values"], opened["changes"]) == ("A city was missing.", [], [])


async def test_a_correction_is_part_of_what_a_call_asks_for(api: Api) -> None:
    assert (await submit(api, 1, correction="one", idempotencyKey="k"))["errors"] == []
    other = await submit(api, 1, correction="two", idempotencyKey="k")
    assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_CONFLICT"]
    nul = await submit(api, 1, correction="\0")
    assert [(error["code"], error["path"]) for error in nul["errors"]] == [("OUT_OF_RANGE", ["correction"])]


async def test_an_editor_takes_a_proposal_back_and_its_reason_is_kept_when_it_is_accepted(api: Api, pool: Pool) -> None:
    await pool.execute("update edition set review_required = true where year = 2025")
    editor = api.token(Role.EDITOR, "krefeld")
    first, second = [(await submit(api, value, editor, correction="A slip."))["proposal"]["id"] for value in (1.0, 2.0)]
    other = await api.data(WITHDRAW, {"id": first}, api.token())
    assert [error["code"] for error in other["withdrawProposal"]["errors"]] == ["UNKNOWN_PROPOSAL"]
    taken = (await api.data(WITHDRAW, {"id": first}, editor))["withdrawProposal"]
    assert (taken["proposal"]["status"], taken["errors"]) == ("WITHDRAWN", [])
    accept = "mutation($id: ID!) { acceptProposal(input: {id: $id}) { errors { code } } }"
    late = await api.data(accept, {"id": first}, api.token())
    assert late["acceptProposal"]["errors"] == [{"code": "PROPOSAL_DECIDED"}]
    await api.data(accept, {"id": second}, api.token())
    assert [each["reason"] for each in (await corrections(api))["nodes"]] == ["A slip."]
