"""Spreadsheets of scores: CSV and workbooks alike, all or nothing, every reason with its line."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from xlsxwriter import Workbook

from db.dataset import csv_table, score_sheet
from db.dataset.csv_table import DatasetError
from db.dataset.score_sheet import RefusedSheetError, Submitted
from db.postgres.pool import Pool

STATE = "select (select count(*) from submission), (select count(*) from score_change), (select count(*) from outbox)"
HEADER: list[Any] = ["city", "measure", "value", "source"]
Rows = list[list[Any]]


def write(folder: Path, kind: str, rows: Rows) -> Path:
    path = folder / f"scores.{kind}"
    if kind == "csv":
        path.write_text("\n".join(",".join("" if cell is None else str(cell) for cell in row) for row in rows) + "\n")
        return path
    with xlsxwriter.Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


async def submit(pool: Pool, path: Path, **options: Any) -> Submitted:
    done: list[int] = []
    sheet = score_sheet.read(path, remove_empty=options.pop("remove_empty", False))
    submitted = await score_sheet.submit(pool, sheet, options.get("year", 2025), options.get("source"), done.append)
    assert sum(done) == len(sheet.changes)
    return submitted


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_what_is_in_the_sheet_is_recorded(kind: str, pool: Pool, tmp_path: Path) -> None:
    rows: Rows = [HEADER, ["krefeld", "payment", 87.25, "https://example.org/a"], ["bonn", "payment", 90, None]]
    assert await submit(pool, write(tmp_path, kind, rows), source="sheet") == Submitted(2, 2)
    found = await pool.fetch(
        """select c.slug, s.value, s.status::text, s.source from score s join city c on c.id = s.city_id
           join measure m on m.id = s.measure_id where m.code = 'payment' and c.slug in ('krefeld', 'bonn')
           order by c.slug"""
    )
    assert [tuple(row) for row in found] == [
        ("bonn", 90, "recorded", "sheet"),
        ("krefeld", 87.25, "recorded", "https://example.org/a"),
    ]
    assert await pool.fetchval("select submitted_by from submission where revision = 2") == "sci submit"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_every_reason_has_its_line_and_nothing_is_kept(kind: str, pool: Pool, tmp_path: Path) -> None:
    before = await pool.fetchrow(STATE)
    rows: Rows = [
        HEADER,
        ["krefeld", "payment", 90, None],
        ["nowhere", "payment", 1, None],
        ["bonn", "payment", 101, None],
    ]
    with pytest.raises(RefusedSheetError) as refused:
        await submit(pool, write(tmp_path, kind, [*rows, ["bonn", "nothing", 1, None]]))
    assert str(refused.value).splitlines() == [
        f"scores.{kind}, line 3, column city: no city 'nowhere'",
        f"scores.{kind}, line 4, column value: 101 is outside 0 to 100, the range of payment",
        f"scores.{kind}, line 5, column measure: no category, indicator or parameter 'nothing' in this edition",
    ]
    assert await pool.fetchrow(STATE) == before


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["city", "measure"]], "line 1, column value: missing column"),
        ([[*HEADER, "colour"]], "line 1, column colour: unknown column"),
        ([HEADER, ["bonn", "payment", "many", None]], "line 2, column value: 'many' is not a number"),
        ([HEADER, ["bonn", "payment", None, None]], "line 2, column value: '' is not a number"),
        ([HEADER, ["bonn", "payment", "nan", None]], "line 2, column value: 'nan' is not a finite number"),
        ([HEADER, *[["bonn", "payment", 1, None]] * 2], "line 3, column measure: is there twice"),
    ],
)
def test_a_malformed_sheet_is_refused_with_its_line(kind: str, rows: Rows, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=rf"^scores\.{kind}, {message}$"):
        score_sheet.read(write(tmp_path, kind, rows), remove_empty=False)


async def test_empty_values_remove_when_asked_to(pool: Pool, tmp_path: Path) -> None:
    path = write(tmp_path, "csv", [HEADER, ["krefeld", "payment", None, None]])
    assert await submit(pool, path, remove_empty=True) == Submitted(2, 1)
    left = "select count(*) from score s join measure m on m.id = s.measure_id where m.code = 'payment'"
    assert await pool.fetchval(left) == 82


async def test_more_than_one_submission_holds_are_kept_together(pool: Pool, tmp_path: Path) -> None:
    await pool.execute(
        """insert into measure (edition, code, position, level, parent, name_de, name_en, weight, direction, maximum)
           select 2025, 'made_up_' || n, 100 + n, 'parameter', 'payment', 'P', 'P', 1, 'higher_is_better', 100
           from generate_series(1, 130) n"""
    )
    cities = [row["slug"] for row in await pool.fetch("select slug from city")]
    rows = [[city, f"made_up_{number}", number / 2, None] for number in range(1, 131) for city in cities]
    submitted = await submit(pool, write(tmp_path, "csv", [HEADER, *rows]))
    assert submitted == Submitted(3, 10_790)
    before = await pool.fetchrow(STATE)
    rows[10_500][2] = 1e300
    with pytest.raises(RefusedSheetError, match=r"^scores\.csv, line 10502, column value: 1e\+300 is outside"):
        await submit(pool, write(tmp_path, "csv", [HEADER, *rows]))
    assert await pool.fetchrow(STATE) == before


@pytest.mark.parametrize(("name", "message"), [("none.csv", "No such file"), ("none.xlsx", "No such file")])
def test_a_missing_file_is_named(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=rf"{name}: .*{message}"):
        score_sheet.read(tmp_path / name, remove_empty=False)


def test_what_is_no_workbook_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("not a workbook")
    with pytest.raises(DatasetError, match=r"^text\.xlsx: "):
        score_sheet.read(tmp_path / "text.xlsx", remove_empty=False)


async def test_an_empty_sheet_and_an_unknown_edition_are_refused(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(RefusedSheetError, match=r"^scores is empty: give at least one$"):
        await submit(pool, write(tmp_path, "csv", [HEADER]))
    with pytest.raises(RefusedSheetError, match=r"^there is no edition 1999$"):
        await submit(pool, write(tmp_path, "csv", [HEADER, ["bonn", "payment", 1, None]]), year=1999)


def test_no_empty_cell_of_a_workbook_removes_anything(tmp_path: Path) -> None:
    """An error and a formula that was not computed read as empty, too."""
    path = write(tmp_path, "xlsx", [HEADER, ["krefeld", "payment", None, None]])
    with pytest.raises(DatasetError, match=r"line 2, column value: an empty cell may be an error or a formula"):
        score_sheet.read(path, remove_empty=True)


def test_a_cell_far_out_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "far.xlsx"
    with Workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ["city", "measure", "value"])
        sheet.write(1_048_575, 16_383, "far")
    with pytest.raises(
        DatasetError, match=r"^far\.xlsx: a cell lies in row 1048576 or column 16384: .* far from the table$"
    ):
        score_sheet.read(path, remove_empty=False)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 201 * 1024 * 1024)
    with pytest.raises(DatasetError, match=r"bytes unpacked, 209715200 are allowed$"):
        score_sheet.read(bomb, remove_empty=False)


@pytest.mark.parametrize("text", ["8_8.3", "\uff18\uff18", "\u0668\u0668", "1e", "0x1", "1,5", ""])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        csv_table.number(text)
