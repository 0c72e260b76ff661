"""Methodology, members and closing: submissions like those of scores, with audit, revision and recompute."""

import asyncio
from typing import Any

import pytest

from db.postgres.pool import Pool
from tests.api.schema.test_submission import STATE, payment, submit
from tests.conftest import Api, Recompute

SUBMISSION = """submission { revision changeCount submittedBy source fieldChanges { subject field oldValue newValue } }
  errors { code message path }"""
METHODOLOGY = f"mutation($input: SubmitMethodologyInput!) {{ submitMethodology(input: $input) {{ {SUBMISSION} }} }}"
ADD = f"mutation($input: AddCityInput!) {{ addCity(input: $input) {{ {SUBMISSION} }} }}"
CLOSE = """mutation($input: CloseEditionInput!) { closeEdition(input: $input) {
  edition { year revision closedAt } errors { code message path } } }"""

Input = dict[str, Any]


async def change(api: Api, methodology: Input, *, token: str | None = None, **more: Any) -> Any:
    """The payload of one change of 2025 by an admin."""
    given = {"edition": 2025, "methodology": methodology, **more}
    return (await api.data(METHODOLOGY, {"input": given}, token or api.token()))["submitMethodology"]


async def add(api: Api, city: str = "new-city", **more: Any) -> Any:
    given = {"edition": 2025, "city": city, "population": 100_001, "name": "New City", "state": "Nowhere", **more}
    return (await api.data(ADD, {"input": given}, api.token()))["addCity"]


async def close(api: Api, year: int = 2025, **more: Any) -> Any:
    return (await api.data(CLOSE, {"input": {"edition": year, **more}}, api.token()))["closeEdition"]


async def test_a_change_is_audited_recomputed_and_seen(api: Api, recompute: Recompute) -> None:
    stream = "subscription { rankingRecomputed(edition: 2025, since: 1) { ranking { revision cityCount } } }"
    headers = {"Accept": "text/event-stream"}
    async with api.client.stream("POST", "/graphql", json={"query": stream}, headers=headers) as events:
        payload = await change(
            api,
            {
                "weights": [{"measure": "mobility", "weight": 3}],
                "topN": 3,
                "hiddenChampion": {"overallRankWorseThan": 20},
            },
            source="https://example.org/decision",
        )
        assert payload == {
            "submission": {
                "revision": 2,
                "changeCount": 3,
                "submittedBy": "admin",
                "source": "https://example.org/decision",
                "fieldChanges": [
                    {"subject": None, "field": "top_n", "oldValue": "10", "newValue": "3"},
                    {
                        "subject": None, "field": "hidden_champion_overall_rank_worse_than",
                        "oldValue": "10", "newValue": "20",
                    },
                    {"subject": "mobility", "field": "weight", "oldValue": "1", "newValue": "3"},
                ],
            },
            "errors": [],
        }  # fmt: skip
        await recompute()
        async with asyncio.timeout(5):
            async for line in events.aiter_lines():
                if line.startswith("data: "):
                    assert '"revision":2' in line
                    break
    found = await api.data(
        """{ ranking(edition: 2025) { revision topTen { rank } hiddenChampions { rank }
             edition { methodology { topN hiddenChampion { categoryTopN overallRankWorseThan } }
                       categories { code weight } } }
             old: ranking(edition: 2025, revision: 1) { topTen { rank } } }"""
    )
    assert [entry["rank"] for entry in found["ranking"]["topTen"]] == [1, 2, 3]
    assert min(entry["rank"] for entry in found["ranking"]["hiddenChampions"]) > 20
    assert found["ranking"]["edition"] == {
        "methodology": {"topN": 3, "hiddenChampion": {"categoryTopN": 10, "overallRankWorseThan": 20}},
        "categories": [
            {"code": "administration", "weight": 1},
            {"code": "it_communication", "weight": 1},
            {"code": "energy_environment", "weight": 1},
            {"code": "mobility", "weight": 3},
            {"code": "society_education", "weight": 1},
        ],
    }
    assert len(found["old"]["topTen"]) == 10


OUTSIDE = "OUT_OF_RANGE"
REFUSED: dict[str, tuple[Input, list[tuple[str, list[str]]]]] = {
    "nothing": ({}, [("EMPTY", ["methodology"])]),
    "no rule": ({"hiddenChampion": {}, "weights": []}, [("EMPTY", ["methodology"])]),
    "measure": (
        {"weights": [{"measure": "nothing", "weight": 1}]},
        [("UNKNOWN_MEASURE", ["methodology", "weights", "0", "measure"])],
    ),
    "twice": (
        {"weights": [{"measure": "mobility", "weight": weight} for weight in (1, 2)]},
        [("DUPLICATE", ["methodology", "weights", "1"])],
    ),
    "negative": (
        {"weights": [{"measure": "mobility", "weight": -1}]},
        [(OUTSIDE, ["methodology", "weights", "0", "weight"])],
    ),
    "zero sum": (
        {
            "weights": [
                {"measure": measure, "weight": 0}
                for measure in (
                    "administration", "it_communication", "energy_environment", "mobility", "society_education",
                )
            ]
        },
        [(OUTSIDE, ["methodology", "weights"])],
    ),
    "no top": ({"topN": 0}, [(OUTSIDE, ["methodology", "topN"])]),
    "rule": (
        {"hiddenChampion": {"categoryTopN": -1, "overallRankWorseThan": -1}},
        [
            (OUTSIDE, ["methodology", "hiddenChampion", "categoryTopN"]),
            (OUTSIDE, ["methodology", "hiddenChampion", "overallRankWorseThan"]),
        ],
    ),
    "population": ({"minPopulation": -1}, [(OUTSIDE, ["methodology", "minPopulation"])]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_wrong_is_named_and_nothing_is_kept(name: str, api: Api, pool: Pool) -> None:
    methodology, errors = REFUSED[name]
    before = await pool.fetchrow(STATE)
    payload = await change(api, methodology)
    assert payload["submission"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == errors
    assert await pool.fetchrow(STATE) == before


async def test_a_population_rule_above_a_member_is_refused(api: Api) -> None:
    await add(api)
    [error] = (await change(api, {"minPopulation": 100_001}))["errors"]
    assert error["message"] == "new-city: not more than 100001 inhabitants"


async def test_a_normalisation_that_recorded_values_do_not_fit_is_refused(api: Api, pool: Pool) -> None:
    await pool.execute(
        """insert into measure (edition, code, position, level, parent, name_de, name_en, weight, direction, maximum,
                                normalisation)
           values (2025, 'made_up', 99, 'parameter', 'payment', 'P', 'P', 1, 'higher_is_better', 100, null)"""
    )
    await change(api, {"normalisation": "MIN_MAX"})
    await submit(api, [payment(-3) | {"measure": "made_up"}])
    [error] = (await change(api, {"normalisation": "NONE"}))["errors"]
    assert (error["code"], error["path"]) == (OUTSIDE, ["methodology", "normalisation"])
    assert "made_up" in error["message"]


async def test_it_is_idempotent_and_refuses_an_old_revision(api: Api) -> None:
    first = await change(api, {"topN": 5}, idempotencyKey="k")
    again = await change(api, {"topN": 5}, idempotencyKey="k")
    assert first == again
    other = await change(api, {"topN": 6}, idempotencyKey="k")
    assert other["errors"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    scores = await submit(api, [payment()], idempotencyKey="k")
    assert scores["errors"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    late = await change(api, {"topN": 7}, expectedRevision=1)
    assert late["errors"][0]["code"] == "REVISION_CONFLICT"


async def test_without_scores_there_is_a_revision_and_no_ranking(api: Api, recompute: Recompute) -> None:
    payload = await change(api, {"topN": 5}, edition=2022)
    # 2024 and 2025 are compared with what was in the Top N before.
    assert payload["submission"]["revision"] == 1
    await recompute()
    await api.service.live.refresh()
    found = await api.data(
        "{ edition(year: 2022) { revision ranking { revision } } ranking(edition: 2025) { revision } }"
    )
    assert found == {"edition": {"revision": 1, "ranking": None}, "ranking": {"revision": 2}}
    assert (await api.client.get("/readyz")).status_code == 200


async def test_a_city_joins_and_is_ranked_once_it_has_a_score(api: Api, recompute: Recompute) -> None:
    payload = await add(api)
    assert payload["errors"] == []
    assert payload["submission"] | {"fieldChanges": None, "source": None} == {
        "revision": 2, "changeCount": 1, "submittedBy": "admin", "source": None, "fieldChanges": None,
    }  # fmt: skip
    await recompute()
    await submit(api, [payment(100, city="new-city")])
    await recompute()
    await api.service.live.refresh()
    found = await api.data(
        """{ ranking(edition: 2025, revision: 3) { cityCount entry(city: "new-city") { rank city { name state } } }
             city(slug: "new-city") { population } edition(year: 2025) { cityCount } }"""
    )
    assert found == {
        "ranking": {"cityCount": 84, "entry": {"rank": 1, "city": {"name": "New City", "state": "Nowhere"}}},
        "city": {"population": 100_001},
        "edition": {"cityCount": 84},
    }


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"population": 100_000}, [(OUTSIDE, ["population"])]),
        ({"name": None}, [("UNKNOWN_CITY", ["name"])]),
        ({"name": None, "state": None}, [("UNKNOWN_CITY", ["name"]), ("UNKNOWN_CITY", ["state"])]),
        ({"city": "Not A Slug"}, [("UNKNOWN_CITY", ["city"])]),
        ({"city": "krefeld", "name": None, "state": None}, [("DUPLICATE", ["city"])]),
        ({"city": "krefeld", "state": None}, [("DUPLICATE", ["name"]), ("DUPLICATE", ["city"])]),
        ({"name": "a\0"}, [(OUTSIDE, ["name"])]),
        ({"edition": 1999}, [("UNKNOWN_EDITION", ["edition"])]),
    ],
)
async def test_a_city_that_may_not_join(given: Input, errors: list[Any], api: Api, pool: Pool) -> None:
    before = await pool.fetchrow(STATE), await pool.fetchval("select count(*) from city")
    payload = await add(api, **given)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == errors
    assert (await pool.fetchrow(STATE), await pool.fetchval("select count(*) from city")) == before


async def test_a_known_city_joins_another_edition(api: Api) -> None:
    payload = await add(api, city="cottbus", edition=2024, name=None, state=None)
    assert (payload["errors"], payload["submission"]["revision"]) == ([], 2)


async def test_a_closed_edition_is_final(api: Api, recompute: Recompute) -> None:
    await submit(api, [payment(50)])
    assert (await close(api, expectedRevision=1))["errors"][0]["code"] == "REVISION_CONFLICT"
    assert (await close(api, expectedRevision=2))["errors"][0]["code"] == "NOT_RANKED"
    await recompute()
    closed = (await close(api, expectedRevision=2))["edition"]
    assert (closed["year"], closed["revision"]) == (2025, 2)
    assert closed["closedAt"] is not None
    assert (await close(api))["edition"] == closed
    for refused in (
        await submit(api, [payment(60)]),
        await change(api, {"topN": 3}),
        await add(api),
    ):
        assert [(error["code"], error["path"]) for error in refused["errors"]] == [("EDITION_CLOSED", ["edition"])]
    await submit(api, [payment(1) | {"measure": "mobility"}], edition=2024)
    await recompute()
    await api.service.live.refresh()
    found = await api.data("{ a: edition(year: 2024) { revision } b: edition(year: 2025) { revision closedAt } }")
    assert found == {"a": {"revision": 2}, "b": {"revision": 2, "closedAt": closed["closedAt"]}}
    # What was accepted before is still ranked.
    assert (await api.data("{ ranking(edition: 2025) { revision } }"))["ranking"] == {"revision": 2}


async def test_an_edition_that_is_not_there_cannot_be_closed(api: Api) -> None:
    assert (await close(api, 1999))["errors"] == [
        {"code": "UNKNOWN_EDITION", "message": "there is no edition 1999", "path": ["edition"]}
    ]
