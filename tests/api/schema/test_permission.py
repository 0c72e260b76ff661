"""Every mutation and every field for admins, by everybody: who may not is told why, and nothing has happened."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema

from api.access.token import Role
from api.schema import node
from api.schema.build import sdl
from db.postgres.pool import Pool
from tests.api.schema.test_proposal import propose
from tests.api.schema.test_submission import payment
from tests.conftest import Api, Recompute

UNAUTHENTICATED, FORBIDDEN, MAY = "UNAUTHENTICATED", "FORBIDDEN", None
Who = tuple[Role, tuple[str, ...]] | None

NOBODY: Who = None
READER: Who = (Role.READER, ())
READER_OF_CITY: Who = (Role.READER, ("krefeld",))
EDITOR_OF_NONE: Who = (Role.EDITOR, ())
EDITOR_OF_OTHER: Who = (Role.EDITOR, ("bonn", "berlin"))
EDITOR: Who = (Role.EDITOR, ("krefeld",))
EDITOR_OF_BOTH: Who = (Role.EDITOR, ("bonn", "krefeld"))
ADMIN: Who = (Role.ADMIN, ())

# The code with which each is refused, in an order that lets nobody change anything before the last ones.
ADMINS = {
    "nobody": (NOBODY, UNAUTHENTICATED),
    "reader": (READER, FORBIDDEN),
    "reader of the city": (READER_OF_CITY, FORBIDDEN),
    "editor of no city": (EDITOR_OF_NONE, FORBIDDEN),
    "editor of others": (EDITOR_OF_OTHER, FORBIDDEN),
    "editor": (EDITOR, FORBIDDEN),
    "editor of both": (EDITOR_OF_BOTH, FORBIDDEN),
    "admin": (ADMIN, MAY),
}
EDITORS = ADMINS | {"editor": (EDITOR, MAY), "editor of both": (EDITOR_OF_BOTH, MAY)}
EDITORS_OF_BOTH = ADMINS | {"editor of both": (EDITOR_OF_BOTH, MAY)}

# To anybody else who may withdraw at all there is no such proposal.
PROPOSER = {name: ADMINS[name] for name in ("nobody", "reader", "reader of the city")} | {"editor": (EDITOR, MAY)}

EDITION = {"edition": 2025}
KREFELD = [payment(50)]
BOTH = [payment(50), payment(60, city="bonn")]
MUTATIONS: dict[str, list[tuple[dict[str, Any], dict[str, tuple[Who, str | None]]]]] = {
    "submitScores": [(EDITION | {"scores": KREFELD}, EDITORS), (EDITION | {"scores": BOTH}, EDITORS_OF_BOTH)],
    "submitMethodology": [(EDITION | {"methodology": {"topN": 3}}, ADMINS)],
    "addCity": [(EDITION | {"city": "new-city", "name": "New City", "state": "Hessen", "population": 100_001}, ADMINS)],
    "setReviewRequired": [(EDITION | {"reviewRequired": True}, ADMINS)],
    "acceptProposal": [({"id": node.encode("Proposal", 1)}, ADMINS)],
    "rejectProposal": [({"id": node.encode("Proposal", 1), "reason": "made up"}, ADMINS)],
    "withdrawProposal": [({"id": node.encode("Proposal", 1)}, PROPOSER)],
    "closeEdition": [(EDITION, ADMINS)],
    "createEdition": [({"year": 2026, "from": 2025}, ADMINS)],
    "publishEdition": [(EDITION, ADMINS)],
    "unscheduleEdition": [(EDITION, ADMINS)],
    "reopenEdition": [(EDITION | {"reason": "made up"}, ADMINS)],
    "deleteEdition": [(EDITION, ADMINS)],
    "retryRecomputation": [(EDITION, ADMINS)],
    "requestUncertainty": [(EDITION, ADMINS)],
}
# What edition 2025 must be before.
PREPARED = {
    "publishEdition": "update edition set published_at = null where year = 2025",
    "unscheduleEdition": "update edition set published_at = null, publish_at = '2999-01-01' where year = 2025",
    "reopenEdition": "update edition set closed_at = now() where year = 2025",
    "deleteEdition": "update edition set published_at = null where year = 2025",
}
CASES = [(name, given, who) for name, cases in MUTATIONS.items() for given, who in cases]
STATE = """select (select sum(revision) from edition) as revisions, (select count(*) from submission) as submissions,
  (select count(*) from score_change) as changes, (select sum(value) from score) as total,
  (select count(*) from outbox) as requests, (select count(*) from uncertainty) as analyses,
  (select count(*) from city) as cities, (select count(*) from edition_event) as events,
  (select count(*) from edition where review_required) as reviewed,
  (select count(decided_at) from proposal) as decided"""

FIELDS = {
    "City.audit": '{ city(slug: "krefeld") { audit { totalCount } } }',
    "Submission.changes": "query($id: ID!) { submission(id: $id) { changes { totalCount } } }",
    "Submission.fieldChanges": "query($id: ID!) { submission(id: $id) { fieldChanges { __typename } } }",
    "Submission.proposal": "query($id: ID!) { submission(id: $id) { proposal { id } } }",
    "Provenance.recordedBy": """{ ranking(edition: 2025) { entry(city: "krefeld") { category(code: "administration") {
      indicators { provenance { recordedBy } } } } } }""",
    "Recomputation.error": "{ edition(year: 2025) { recomputation { error } } }",
}


def token(api: Api, who: Who) -> str | None:
    return None if who is None else api.token(*who)


def test_the_tables_have_every_mutation_and_every_field_for_admins() -> None:
    fields = {
        f"{type_.name}.{name}": field.description or ""
        for type_ in build_schema(sdl()).type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
    }
    mutations = {name.removeprefix("Mutation.") for name in fields if name.startswith("Mutation.")}
    assert mutations == set(MUTATIONS)
    told = {name for name, text in fields.items() if text.startswith("For admins") and "Mutation." not in name}
    assert told == set(FIELDS)


@pytest.mark.parametrize(("mutation", "given", "table"), CASES)
async def test_a_mutation_is_for_those_who_may(
    mutation: str, given: dict[str, Any], table: dict[str, tuple[Who, str | None]], api: Api, pool: Pool
) -> None:
    type_ = mutation[0].upper() + mutation[1:]
    query = f"mutation($input: {type_}Input!) {{ {mutation}(input: $input) {{ errors {{ code message }} }} }}"
    if "Proposal" in mutation:
        await propose(api)
    if mutation in PREPARED:
        await pool.execute(PREPARED[mutation])
    for name, (who, code) in table.items():
        before = await pool.fetchrow(STATE)
        answer = await api.post(query, {"input": given}, token(api, who))
        if code is MAY:
            assert answer == {"data": {mutation: {"errors": []}}}, name
            assert await pool.fetchrow(STATE) != before, name
        else:
            [error] = answer["errors"]
            assert (answer["data"], error["path"], error["extensions"]) == (None, [mutation], {"code": code}), name
            assert "token" in error["message"], name
            assert await pool.fetchrow(STATE) == before, name


async def test_a_field_for_admins_is_for_no_one_else(api: Api, recompute: Recompute) -> None:
    query = "mutation($input: SubmitScoresInput!) { submitScores(input: $input) { submission { id } } }"
    accepted = await api.data(query, {"input": EDITION | {"scores": KREFELD}}, api.token())
    await recompute()
    variables = accepted["submitScores"]["submission"]
    for field, asked in FIELDS.items():
        for name, (who, code) in ADMINS.items():
            answer = await api.post(asked, variables, token(api, who))
            refused = {(error["path"][-1], error["extensions"]["code"]) for error in answer.get("errors", ())}
            assert refused == ({(field.partition(".")[2], code)} if code else set()), (field, name)


async def test_an_editor_may_not_reach_a_city_by_another_spelling(api: Api, pool: Pool) -> None:
    query = "mutation($input: SubmitScoresInput!) { submitScores(input: $input) { errors { code } } }"
    before = await pool.fetchrow(STATE)
    for slug in ("Krefeld", "krefeld ", "KREFELD", "krefeld,bonn", ""):
        answer = await api.post(query, {"input": EDITION | {"scores": [payment(50, city=slug)]}}, token(api, EDITOR))
        assert [error["extensions"]["code"] for error in answer["errors"]] == [FORBIDDEN], slug
    assert await pool.fetchrow(STATE) == before
