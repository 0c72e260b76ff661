"""Text that a spreadsheet would run as a formula reaches it as text; numbers stay numbers."""

import csv

import pytest

from api.web.cell import harmless
from tests.conftest import Api


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", '=HYPERLINK("http://a")'])
def test_text_of_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["Köln", "", " =1", "a=1", -1, -0.5, None, True])
def test_anything_else_stays_what_it_is(cell: object) -> None:
    assert harmless(cell) == cell


async def test_a_name_that_is_a_formula_is_text_in_every_table(api: Api) -> None:
    await api.service.pool.execute("update city set name = '=1+1' where slug = 'krefeld'")
    api.service.live.version = None
    await api.service.live.refresh()
    for path in ("/export/2025.csv", "/de/2025.csv"):
        rows = list(csv.DictReader((await api.client.get(path)).text.splitlines()))
        [row] = [row for row in rows if row["city"] == "krefeld"]
        assert row["name"] == "'=1+1"
        assert float(row["score"]) > 0


async def test_an_export_says_how_far_each_value_is_known(read_api: Api) -> None:
    rows = list(csv.DictReader((await read_api.client.get("/export/2025.csv")).text.splitlines()))
    [jena] = [row for row in rows if row["city"] == "jena"]
    statuses = {name: value for name, value in jena.items() if name.endswith("_status")}
    assert len(statuses) == 5 + 37
    assert statuses["payment_status"] == statuses["it_communication_status"] == "published"
    assert statuses["mobility_status"] == "computed"
    [krefeld] = [row for row in rows if row["city"] == "krefeld"]
    assert krefeld["broadband_status"] == "estimated"
