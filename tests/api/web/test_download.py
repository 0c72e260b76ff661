"""Rankings to take away: complete, cited, and not sent twice."""

import csv
import io
from typing import Any

import pytest

from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, Recompute

RANKING = """{ ranking(edition: 2025) { revision computedAt inputHash entries(first: 100) { nodes {
  rank score previousRank isTopTen isFirstTopTen isHiddenChampion estimatedShare city { slug name state }
  categories { category { code } rank score indicators { indicator { code } rank score value
    status weight } } } } } }"""


async def ranking(api: Api) -> Any:
    return (await api.data(RANKING))["ranking"]


async def test_the_csv_has_every_figure_of_the_ranking(read_api: Api) -> None:
    expected = await ranking(read_api)
    response = await read_api.client.get("/export/2025.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["content-disposition"] == 'attachment; filename="smart-city-index-2025-revision-1.csv"'
    lines = list(csv.DictReader(io.StringIO(response.text)))
    assert len(lines) == len(expected["entries"]["nodes"]) == 83
    for line, node in zip(lines, expected["entries"]["nodes"], strict=True):
        assert (line["edition"], line["revision"], line["input_hash"]) == ("2025", "1", expected["inputHash"])
        assert line["computed_at"] == expected["computedAt"]
        assert (int(line["rank"]), float(line["score"])) == (node["rank"], node["score"])
        assert (line["city"], line["name"], line["state"]) == tuple(node["city"].values())
        assert line["previous_rank"] == ("" if node["previousRank"] is None else str(node["previousRank"]))
        assert line["is_hidden_champion"] == str(node["isHiddenChampion"]).lower()
        for category in node["categories"]:
            code = category["category"]["code"]
            assert (int(line[f"{code}_rank"]), float(line[f"{code}_score"])) == (category["rank"], category["score"])
            for indicator in category["indicators"]:
                assert float(line[f"{indicator['indicator']['code']}_score"]) == indicator["score"]


async def test_the_json_has_every_figure_of_the_ranking(read_api: Api) -> None:
    expected = await ranking(read_api)
    response = await read_api.client.get("/export/2025.json")
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert found["citation"] == {
        "edition": 2025,
        "revision": 1,
        "computed_at": expected["computedAt"],
        "input_hash": expected["inputHash"],
    }
    for entry, node in zip(found["entries"], expected["entries"]["nodes"], strict=True):
        assert (entry["rank"], entry["score"], entry["city"]) == (node["rank"], node["score"], node["city"]["slug"])
        for category, given in zip(entry["categories"], node["categories"], strict=True):
            assert (category["code"], category["score"]) == (given["category"]["code"], given["score"])
            for indicator, result in zip(category["below"], given["indicators"], strict=True):
                assert indicator == {
                    "code": result["indicator"]["code"],
                    "rank": result["rank"],
                    "score": result["score"],
                    "value": result["value"],
                    "status": result["status"].lower(),
                    "weight": result["weight"],
                    "below": [],
                }


@pytest.mark.parametrize("form", ["csv", "json"])
async def test_who_has_it_is_told_so(form: str, api: Api, recompute: Recompute) -> None:
    first = await api.client.get(f"/export/2025.{form}")
    again = await api.client.get(f"/export/2025.{form}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    await submit(api, [payment(0)])
    await recompute()
    await api.service.live.refresh()
    newer = await api.client.get(f"/export/2025.{form}", headers={"If-None-Match": first.headers["etag"]})
    assert (newer.status_code, newer.headers["etag"] != first.headers["etag"]) == (200, True)
    old = await api.client.get(f"/export/2025.{form}?revision=1")
    assert (old.content, old.headers["etag"]) == (first.content, first.headers["etag"])


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("2025.xml", 404, "xml is none of csv, json\n"),
        ("1999.csv", 404, "there is no such ranking of edition 1999\n"),
        ("2022.csv", 404, "there is no such ranking of edition 2022\n"),
        ("2025.csv?revision=77", 404, "there is no such ranking of edition 2025\n"),
        ("new.csv", 400, "an edition is a year, a revision a number\n"),
        ("2025.csv?revision=new", 400, "an edition is a year, a revision a number\n"),
        ("99999999999.csv", 400, "an edition is a year, a revision a number\n"),
    ],
)
async def test_what_is_not_there_is_said(path: str, status: int, text: str, read_api: Api) -> None:
    response = await read_api.client.get(f"/export/{path}")
    assert (response.status_code, response.text) == (status, text)
