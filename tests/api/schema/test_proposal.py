"""Scores that wait for an admin: proposed, listed, decided once, and only then part of the index."""

import asyncio
from typing import Any

import pytest

from api.access.token import Role
from api.schema import node
from db.postgres.pool import Pool, transaction
from db.ranking import rebuild
from db.settings import Settings
from tests.api.schema.test_submission import STATE, load_apart, payment
from tests.conftest import Api, Recompute, running_api, watching

PROPOSAL = """id status proposedBy proposedAt source decidedBy decidedAt reason edition { year }
  scores { city { slug } measure value source } submission { revision submittedBy changeCount }"""
PAYLOAD = f"{{ proposal {{ {PROPOSAL} }} errors {{ code message path }} }}"
SUBMIT = f"""mutation($input: SubmitScoresInput!) {{ submitScores(input: $input) {{ submission {{ revision }}
  proposal {{ {PROPOSAL} }} errors {{ code message path }} }} }}"""
ACCEPT = f"mutation($input: AcceptProposalInput!) {{ acceptProposal(input: $input) {PAYLOAD} }}"
REJECT = f"mutation($input: RejectProposalInput!) {{ rejectProposal(input: $input) {PAYLOAD} }}"
REQUIRE = """mutation($input: SetReviewRequiredInput!) { setReviewRequired(input: $input) {
  edition { year reviewRequired revision } errors { code message path } } }"""
LIST = f"""query($edition: Int, $status: ProposalStatus, $first: Int, $after: String, $last: Int, $before: String) {{
  proposals(edition: $edition, status: $status, first: $first, after: $after, last: $last, before: $before) {{
    totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor node {{ id }} }}
    nodes {{ {PROPOSAL} }} }} }}"""
KREFELD = ("krefeld",)


def editor(api: Api, *cities: str) -> str:
    return api.token(Role.EDITOR, cities or KREFELD)


async def require(api: Api, required: bool = True, edition: int = 2025) -> Any:
    variables = {"input": {"edition": edition, "reviewRequired": required}}
    return (await api.data(REQUIRE, variables, api.token()))["setReviewRequired"]


async def submit(api: Api, *scores: Any, token: str | None = None, **more: Any) -> Any:
    """The payload of a call by the editor of Krefeld."""
    variables = {"input": {"edition": 2025, "scores": scores or [payment()], **more}}
    return (await api.data(SUBMIT, variables, token or editor(api)))["submitScores"]


async def propose(api: Api, *scores: Any, token: str | None = None, **more: Any) -> Any:
    """A proposal that waits, of an edition that asks for review."""
    await require(api, edition=more.get("edition", 2025))
    payload = await submit(api, *scores, token=token, **more)
    assert payload["errors"] == []
    return payload["proposal"]


async def accept(api: Api, id_: str, **more: Any) -> Any:
    return (await api.data(ACCEPT, {"input": {"id": id_, **more}}, api.token()))["acceptProposal"]


async def reject(api: Api, id_: str, reason: str = "not yet official") -> Any:
    return (await api.data(REJECT, {"input": {"id": id_, "reason": reason}}, api.token()))["rejectProposal"]


async def listed(api: Api, token: str | None = None, **variables: Any) -> Any:
    return (await api.data(LIST, variables, token or api.token()))["proposals"]


def codes(payload: Any) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_review_is_off_until_an_admin_asks_for_it_and_both_are_kept(api: Api, pool: Pool) -> None:
    query = "{ editions { year reviewRequired } }"
    before = (await api.data(query))["editions"]
    assert {edition["reviewRequired"] for edition in before} == {False}
    for required in (True, True, False):
        payload = await require(api, required)
        assert payload == {"edition": {"year": 2025, "reviewRequired": required, "revision": 1}, "errors": []}
        found = {edition["year"]: edition["reviewRequired"] for edition in (await api.data(query))["editions"]}
        assert found == {year: required and year == 2025 for year in found}
    kept = await pool.fetch("select edition, review_required, changed_by from review_change order by id")
    assert [tuple(row) for row in kept] == [(2025, True, "admin"), (2025, False, "admin")]


async def test_review_of_no_edition_and_of_a_closed_one_is_refused(api: Api) -> None:
    assert codes(await require(api, edition=1999)) == [("UNKNOWN_EDITION", ["edition"])]
    close = "mutation { closeEdition(input: {edition: 2024}) { errors { code } } }"
    await api.data(close, token=api.token())
    assert codes(await require(api, edition=2024)) == [("EDITION_CLOSED", ["edition"])]


async def test_an_editors_scores_are_applied_at_once_without_review(api: Api) -> None:
    await require(api, edition=2024)
    payload = await submit(api)
    assert payload == {"submission": {"revision": 2}, "proposal": None, "errors": []}


async def test_an_editors_scores_wait_and_change_nothing(api: Api, pool: Pool, recompute: Recompute) -> None:
    await require(api)
    before = await pool.fetchrow(STATE)
    scores = [payment(12.345678901234567), payment(None) | {"measure": "mobility"}, payment(0, source="s")]
    scores[2]["measure"] = "residents_concerns"
    payload = await submit(api, *scores, source="https://example.org/a")
    assert (payload["submission"], payload["errors"]) == (None, [])
    found = payload["proposal"]
    assert found.pop("proposedAt")
    assert found == {
        "id": node.encode("Proposal", 1), "status": "PENDING", "proposedBy": "editor:krefeld",
        "source": "https://example.org/a", "decidedBy": None, "decidedAt": None, "reason": None,
        "edition": {"year": 2025}, "submission": None,
        "scores": [
            {"city": {"slug": "krefeld"}, "measure": score["measure"], "value": score["value"],
             "source": score.get("source")} for score in scores
        ],
    }  # fmt: skip
    await recompute()
    assert await pool.fetchrow(STATE) == before


async def test_an_admins_scores_are_applied_at_once(api: Api) -> None:
    await require(api)
    payload = await submit(api, token=api.token())
    assert payload == {"submission": {"revision": 2}, "proposal": None, "errors": []}


async def test_what_would_be_refused_is_refused_and_not_proposed(api: Api, pool: Pool) -> None:
    await require(api)
    token = api.token(Role.EDITOR, ("krefeld", "nowhere"))
    refused: dict[str, dict[str, Any]] = {
        "UNKNOWN_CITY": {"scores": [payment(city="nowhere")]},
        "OUT_OF_RANGE": {"scores": [payment(101)]},
        "UNKNOWN_MEASURE": {"scores": [payment() | {"measure": "nothing"}]},
        "DUPLICATE": {"scores": [payment(), payment()]},
        "EMPTY": {"scores": []},
        "REVISION_CONFLICT": {"scores": [payment()], "expectedRevision": 7},
        "UNKNOWN_EDITION": {"scores": [payment()], "edition": 1999},
    }
    for code, given in refused.items():
        payload = (await api.data(SUBMIT, {"input": {"edition": 2025} | given}, token))["submitScores"]
        assert [error["code"] for error in payload["errors"]] == [code]
        assert (payload["submission"], payload["proposal"]) == (None, None)
    answer = await api.post(SUBMIT, {"input": {"edition": 2025, "scores": [payment(city="bonn")]}}, token)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    await api.data("mutation { closeEdition(input: {edition: 2025}) { errors { code } } }", token=api.token())
    assert codes(await submit(api)) == [("EDITION_CLOSED", ["edition"])]
    assert await pool.fetchval("select count(*) from proposal") == 0


async def test_only_acceptance_advances_the_revision_and_is_ranked(api: Api, pool: Pool, recompute: Recompute) -> None:
    waiting = await propose(api, payment(3), source="https://example.org/a")
    await pool.execute("delete from outbox")
    payload = await accept(api, waiting["id"])
    assert payload["errors"] == []
    made = {"revision": 2, "submittedBy": "admin", "changeCount": 1}
    decided = payload["proposal"]
    assert decided["decidedAt"]
    assert decided == waiting | {
        "status": "ACCEPTED", "decidedBy": "admin", "decidedAt": decided["decidedAt"], "submission": made
    }  # fmt: skip
    assert [row["edition"] for row in await pool.fetch("select edition from outbox")] == [2025]
    await recompute()
    await api.service.live.refresh()
    query = """{ ranking { revision } edition(year: 2025) { revision } city(slug: "krefeld") { audit(first: 1) { nodes {
      measure oldValue newValue newStatus source submission { submittedBy proposal { id proposedBy } } } } } }"""
    found = await api.data(query, token=api.token())
    assert (found["ranking"], found["edition"]) == ({"revision": 2}, {"revision": 2})
    assert found["city"]["audit"]["nodes"] == [
        {
            "measure": "payment", "oldValue": 100, "newValue": 3, "newStatus": "RECORDED",
            "source": "https://example.org/a",
            "submission": {
                "submittedBy": "admin", "proposal": {"id": waiting["id"], "proposedBy": "editor:krefeld"}
            },
        }
    ]  # fmt: skip
    async with transaction(pool, "repeatable_read") as reader:
        report = await rebuild.rebuild(reader, 2025)
    assert (report.rebuilt, report.skipped, report.differences) == (((2025, 1), (2025, 2)), (), ())


async def test_the_proposer_sees_the_outcome_with_its_reason(api: Api, pool: Pool) -> None:
    waiting = await propose(api)
    before = await pool.fetchrow(STATE)
    payload = await reject(api, waiting["id"], "Die Quelle nennt 80.")
    assert payload["errors"] == []
    assert payload["proposal"]["status"] == "REJECTED"
    query = f"query($id: ID!) {{ proposal(id: $id) {{ {PROPOSAL} }} node(id: $id) {{ ... on Proposal {{ reason }} }} }}"
    found = await api.data(query, {"id": waiting["id"]}, editor(api))
    assert found["proposal"] == payload["proposal"]
    assert found["proposal"] | {"decidedAt": None} == waiting | {
        "status": "REJECTED", "decidedBy": "admin", "reason": "Die Quelle nennt 80."
    }  # fmt: skip
    assert found["node"] == {"reason": "Die Quelle nennt 80."}
    assert await pool.fetchrow(STATE) == before


@pytest.mark.parametrize(
    ("reason", "code"), [("", "EMPTY"), (" \n ", "EMPTY"), ("x" * 2001, "OUT_OF_RANGE"), ("a\0b", "OUT_OF_RANGE")]
)
async def test_a_rejection_needs_a_reason_of_bounded_length(reason: str, code: str, api: Api) -> None:
    waiting = await propose(api)
    payload = await reject(api, waiting["id"], reason)
    assert (payload["proposal"], codes(payload)) == (None, [(code, ["reason"])])
    assert (await listed(api, status="PENDING"))["totalCount"] == 1
    assert codes(await reject(api, node.encode("Proposal", 99), reason)) == [
        (code, ["reason"]), ("UNKNOWN_PROPOSAL", ["id"])
    ]  # fmt: skip


async def test_a_proposal_is_decided_once(api: Api, pool: Pool) -> None:
    accepted, rejected = await propose(api), await propose(api)
    assert (await accept(api, accepted["id"]))["errors"] == (await reject(api, rejected["id"]))["errors"] == []
    before = await pool.fetchrow(STATE)
    for waiting in (accepted, rejected):
        for payload in (await accept(api, waiting["id"]), await reject(api, waiting["id"])):
            assert (payload["proposal"], codes(payload)) == (None, [("PROPOSAL_DECIDED", ["id"])])
    assert await pool.fetchrow(STATE) == before
    assert [found["status"] for found in (await listed(api))["nodes"]] == ["REJECTED", "ACCEPTED"]


@pytest.mark.parametrize("id_", [node.encode("Proposal", 99), node.encode("City", "krefeld"), node.encode("Proposal")])
async def test_what_is_no_proposal_cannot_be_decided(id_: str, api: Api) -> None:
    assert codes(await accept(api, id_)) == codes(await reject(api, id_)) == [("UNKNOWN_PROPOSAL", ["id"])]
    query = "query($id: ID!) { proposal(id: $id) { id } }"
    assert await api.data(query, {"id": id_}, api.token()) == {"proposal": None}
    answer = await api.post(ACCEPT, {"input": {"id": "no id"}}, api.token())
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_of_admins_who_decide_at_once_one_wins(api: Api, pool: Pool) -> None:
    for _ in range(3):
        waiting = await propose(api)
        revision = await pool.fetchval("select revision from edition where year = 2025")
        deciding = [decide(api, waiting["id"]) for decide in (accept, reject) for _ in range(4)]
        payloads = await asyncio.gather(*deciding)
        won = [payload["proposal"] for payload in payloads if payload["proposal"] is not None]
        assert len(won) == 1
        assert sorted(codes(payload) for payload in payloads) == [[], *[[("PROPOSAL_DECIDED", ["id"])]] * 7]
        [found] = (await listed(api, first=1))["nodes"]
        assert found == won[0]
        advanced = await pool.fetchval("select revision from edition where year = 2025") - revision
        assert advanced == (found["status"] == "ACCEPTED")


async def test_deciding_and_proposing_at_once_never_block_each_other_for_good(api: Api, pool: Pool) -> None:
    """In two editions, and with keys that are too old, for which a proposal is locked too."""
    await require(api, edition=2024)
    waiting = [await propose(api, idempotencyKey=f"k{number}") for number in range(6)]
    await pool.execute("update proposal set proposed_at = proposed_at - interval '25 hours'")
    score = {"city": "krefeld", "measure": "mobility", "value": 5}
    calls: list[Any] = []
    for number, found in enumerate(waiting):
        calls += [submit(api, idempotencyKey=f"k{number}"), accept(api, found["id"])]
    calls += [submit(api, score, edition=2024) for _ in range(4)]
    payloads = await asyncio.gather(*calls)
    assert [payload["errors"] for payload in payloads] == [[]] * 16
    assert (await listed(api, status="ACCEPTED"))["totalCount"] == 6
    assert (await listed(api, status="PENDING", edition=2025))["totalCount"] == 6
    assert (await listed(api, status="PENDING", edition=2024))["totalCount"] == 4


async def test_what_no_longer_holds_is_refused_and_waits_on(api: Api, pool: Pool) -> None:
    closed, gone = await propose(api), await propose(api, payment(100))
    await pool.execute("update measure set maximum = 50 where edition = 2025 and code = 'payment'")
    before = await pool.fetchrow(STATE)
    assert codes(await accept(api, gone["id"])) == [("OUT_OF_RANGE", ["scores", "0", "value"])]
    await pool.execute("update measure set code = 'renamed' where edition = 2025 and code = 'payment'")
    assert codes(await accept(api, gone["id"])) == [("UNKNOWN_MEASURE", ["scores", "0", "measure"])]
    await api.data("mutation { closeEdition(input: {edition: 2025}) { errors { code } } }", token=api.token())
    payload = await accept(api, closed["id"])
    assert payload["proposal"] is None
    assert codes(payload)[0] == ("EDITION_CLOSED", ["edition"])
    assert await pool.fetchrow(STATE) == before
    assert {found["status"] for found in (await listed(api))["nodes"]} == {"PENDING"}
    assert (await reject(api, closed["id"]))["errors"] == []


async def test_an_acceptance_may_expect_a_revision(api: Api) -> None:
    waiting = await propose(api, expectedRevision=1)
    await submit(api, payment(8), token=api.token())
    assert codes(await accept(api, waiting["id"], expectedRevision=1)) == [("REVISION_CONFLICT", ["expectedRevision"])]
    assert (await accept(api, waiting["id"], expectedRevision=2))["proposal"]["submission"]["revision"] == 3


async def test_an_idempotency_key_gives_the_first_proposal_again(settings: Settings) -> None:
    async with running_api(settings) as api:
        first = await propose(api, idempotencyKey="k", expectedRevision=1)
        conflict = await submit(api, payment(1), idempotencyKey="k")
        assert codes(conflict) == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
        other = await submit(api, payment(city="bonn"), token=editor(api, "bonn"), idempotencyKey="k")
        assert other["proposal"]["id"] != first["id"]
        # Another admin's submission does not make it another call.
        await submit(api, token=api.token())
    async with running_api(settings) as api:
        again = await submit(api, idempotencyKey="k", expectedRevision=1)
        assert again == {"submission": None, "proposal": first, "errors": []}
        await require(api, required=False)
        assert (await submit(api, idempotencyKey="k", expectedRevision=1))["proposal"] == first
        decided = (await accept(api, first["id"]))["proposal"]
        again = await submit(api, idempotencyKey="k", expectedRevision=1)
        # The editor is not told which admin it was.
        decided["submission"]["submittedBy"] = None
        assert again == {"submission": None, "proposal": decided, "errors": []}


async def test_a_key_that_made_a_submission_makes_no_proposal(api: Api) -> None:
    first = await submit(api, idempotencyKey="k")
    await require(api)
    assert await submit(api, idempotencyKey="k") == first == {
        "submission": {"revision": 2}, "proposal": None, "errors": []
    }  # fmt: skip


async def test_a_key_is_forgotten_after_a_day(api: Api, pool: Pool) -> None:
    first = await propose(api, idempotencyKey="k")
    await pool.execute("update proposal set proposed_at = proposed_at - interval '25 hours'")
    second = await submit(api, payment(1), idempotencyKey="k")
    assert (second["errors"], second["proposal"]["id"] == first["id"]) == ([], False)


async def test_concurrent_calls_with_one_key_make_one_proposal(api: Api) -> None:
    await require(api)
    payloads = await asyncio.gather(*(submit(api, idempotencyKey="k") for _ in range(8)))
    assert {payload["proposal"]["id"] for payload in payloads} == {node.encode("Proposal", 1)}
    assert (await listed(api))["totalCount"] == 1


async def test_a_subject_may_have_only_so_many_waiting(settings: Settings, pool: Pool) -> None:
    few = settings.model_copy(update={"pending_proposals": 3})
    years = range(3000, 3008)
    await load_apart(pool, years)
    async with running_api(few) as api:
        await asyncio.gather(*(require(api, edition=year) for year in (2025, *years)))
        score = {"city": "a", "measure": "all", "value": 5}
        token = editor(api, "krefeld", "a")
        payloads = await asyncio.gather(*(submit(api, score, edition=year, token=token) for year in years))
        assert sorted(map(codes, payloads)) == [[]] * 3 + [[("TOO_MANY_PENDING", [])]] * 5
        message = next(payload["errors"][0]["message"] for payload in payloads if payload["errors"])
        assert message == "3 proposals of editor:krefeld,a wait for an admin, and no more may"
        other = await submit(api, payment(city="bonn"), token=editor(api, "bonn"))
        assert other["proposal"]["status"] == "PENDING"
        waiting = next(payload["proposal"]["id"] for payload in payloads if payload["proposal"])
        await reject(api, waiting)
        assert [codes(await submit(api, token=token)) for _ in range(2)] == [[], [("TOO_MANY_PENDING", [])]]


async def test_an_editor_sees_its_own_and_an_admin_all(api: Api) -> None:
    krefeld, bonn = await propose(api), await propose(api, payment(city="bonn"), token=editor(api, "bonn"))
    assert [found["id"] for found in (await listed(api))["nodes"]] == [bonn["id"], krefeld["id"]]
    for city, own, other in (("krefeld", krefeld, bonn), ("bonn", bonn, krefeld)):
        token = editor(api, city)
        found = await listed(api, token)
        assert (found["nodes"], found["totalCount"]) == ([own], 1)
        query = "query($id: ID!) { proposal(id: $id) { id } node(id: $id) { id } }"
        id_ = {"id": own["id"]}
        assert await api.data(query, id_, token) == {"proposal": id_, "node": id_}
        assert await api.data(query, {"id": other["id"]}, token) == {"proposal": None, "node": None}


@pytest.mark.parametrize(("role", "code"), [(None, "UNAUTHENTICATED"), (Role.READER, "FORBIDDEN")])
async def test_a_reader_sees_none(role: Role | None, code: str, api: Api) -> None:
    waiting = await propose(api)
    token = None if role is None else api.token(role, KREFELD)
    for id_ in (waiting["id"], node.encode("Proposal", 99)):
        for query in (
            "query($id: ID!) { proposal(id: $id) { id } }",
            "query($id: ID!) { node(id: $id) { id } }",
        ):
            answer = await api.post(query, {"id": id_}, token)
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
            assert waiting["id"] not in str(answer["data"])
    answer = await api.post("{ proposals { totalCount } }", None, token)
    assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == (None, code)


async def test_pages_by_edition_and_status(api: Api) -> None:
    score = {"city": "krefeld", "measure": "mobility", "value": 5}
    ids = [(await propose(api, score, edition=2024 + number % 2))["id"] for number in range(7)][::-1]
    await reject(api, ids[0])
    await accept(api, ids[1])
    assert (await listed(api, edition=2025))["totalCount"] == 3
    assert (await listed(api, edition=1999))["nodes"] == []
    assert [n["id"] for n in (await listed(api, edition=2024, status="PENDING"))["nodes"]] == [ids[2], ids[4], ids[6]]
    whole = await listed(api)
    assert [found["id"] for found in whole["nodes"]] == ids
    cursors = [edge["cursor"] for edge in whole["edges"]]
    for arguments, expected, previous, following in (
        ({"first": 3}, ids[:3], False, True),
        ({"first": 3, "after": cursors[2]}, ids[3:6], True, True),
        ({"first": 3, "after": cursors[5]}, ids[6:], True, False),
        ({"first": 3, "after": cursors[6]}, [], True, False),
        ({"last": 3}, ids[4:], True, False),
        ({"last": 3, "before": cursors[4]}, ids[1:4], True, True),
        ({"last": 3, "before": cursors[0]}, [], False, True),
        ({"after": cursors[0], "before": cursors[3]}, ids[1:3], True, True),
    ):
        page = await listed(api, **arguments)
        assert [edge["node"]["id"] for edge in page["edges"]] == expected, arguments
        shown = page["pageInfo"]
        assert (shown["hasPreviousPage"], shown["hasNextPage"], page["totalCount"]) == (previous, following, 7)
        assert shown["startCursor"] == (page["edges"][0]["cursor"] if expected else None)
    # A cursor stays a place when what it names no longer matches.
    page = await listed(api, status="PENDING", after=cursors[1], first=2)
    assert [found["id"] for found in page["nodes"]] == ids[2:4]


@pytest.mark.parametrize("arguments", [{"after": "x"}, {"first": 0}, {"first": 101}, {"first": 1, "last": 1}])
async def test_arguments_that_are_no_page_are_refused(arguments: dict[str, Any], read_api: Api) -> None:
    answer = await read_api.post(LIST, arguments, read_api.token())
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_more_proposals_cost_no_more_statements(api: Api) -> None:
    await require(api)
    counts = []
    for _ in range(2):
        for _ in range(4):
            await accept(api, (await submit(api))["proposal"]["id"])
        async with watching(api) as statements:
            await listed(api)
        counts.append((statements.containing("proposal"), statements.containing("left join submission")))
    assert counts == [(2, 1)] * 2
