"""A malformed dataset is refused with file, line and column."""

import csv
from pathlib import Path

import pytest

from db.dataset import dataset
from db.dataset.csv_table import DatasetError
from db.index.score import ValueStatus
from tests import made_up

PUBLISHED = "edition,city,measure,score,rank,tendency,source\n3000,made-up-000000,overall,50.5,1,+2,somewhere\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good dataset of three cities and three parameters."""
    folder = made_up.write(tmp_path / "dataset", cities=3, parameters=3)
    (folder / "published.csv").write_text(PUBLISHED)
    return folder


def change(path: Path, line: int, column: str, value: str) -> None:
    """Put *value* into one cell; line 1 is the header."""
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    rows[line - 1][rows[0].index(column)] = value
    with path.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def test_a_good_one_is_read(folder: Path) -> None:
    read = dataset.read(folder)
    edition = read.editions[3000]
    assert list(read.cities) == ["made-up-000000", "made-up-000001", "made-up-000002"]
    assert [measure.code for measure in edition.measures][:3] == ["category_0", "indicator_0", "parameter_0"]
    assert {score.status for score in edition.scores} == {ValueStatus.RECORDED}
    assert edition.published[0].tendency == 2


def test_a_byte_order_mark_and_a_missing_optional_file_are_fine(folder: Path) -> None:
    path = folder / "city.csv"
    path.write_text("\ufeff" + path.read_text())
    (folder / "published.csv").unlink()
    assert len(dataset.read(folder).cities) == 3


CELLS = [
    ("edition.csv", 2, "year", "soon", "'soon' is not a whole number"),
    ("edition.csv", 2, "year", "10000", "'10000' is not a year"),
    ("edition.csv", 2, "normalisation", "zscore", "'zscore' is none of min_max, rank, fraction_of_max, none"),
    ("edition.csv", 2, "top_n", "0", "0 is less than 1"),
    ("edition.csv", 2, "min_population", "-1", "-1 is negative"),
    ("city.csv", 3, "slug", "Köln", "'Köln' is not lower-case letters and digits joined by hyphens"),
    ("city.csv", 3, "slug", "made-up-000000", "made-up-000000 is there twice"),
    ("city.csv", 3, "name", " ", "is empty"),
    ("city.csv", 3, "name", "a\0b", "has a NUL character"),
    ("member.csv", 4, "edition", "2999", "2999 is not in edition.csv"),
    ("member.csv", 4, "city", "nowhere", "'nowhere' is not in city.csv"),
    ("member.csv", 4, "city", "made-up-000001", "is there twice"),
    ("member.csv", 4, "population", "0", "0 is not more than the edition's 0"),
    ("member.csv", 4, "population", "99999999999", "'99999999999' is not a whole number"),
    ("framework.csv", 4, "level", "leaf", "'leaf' is none of category, indicator, parameter"),
    ("framework.csv", 4, "code", "indicator_0", "is there twice"),
    ("framework.csv", 4, "parent", "category_0", "the parent of the parameter is indicator, not category"),
    ("framework.csv", 4, "parent", "nothing", "there is no measure 'nothing'"),
    ("framework.csv", 3, "parent", "indicator_0", "the parent of the indicator is category, not indicator"),
    ("framework.csv", 2, "parent", "category_0", "the parent of the category is left empty, not category"),
    ("framework.csv", 4, "weight", "heavy", "'heavy' is not a number"),
    ("framework.csv", 2, "weight", "0", "the weights below overall sum to zero"),
    ("score.csv", 2, "value", "nan", "'nan' is not a finite number"),
    ("score.csv", 2, "value", "1e300", "1e+300 is outside -1e+15 to 1e+15"),
    ("score.csv", 2, "city", "nowhere", "'nowhere' is not a city of edition 3000"),
    ("score.csv", 2, "measure", "overall", "'overall' is not in the framework of edition 3000"),
    ("published.csv", 2, "score", "100.1", "100.1 is outside 0 to 100"),
    ("published.csv", 2, "measure", "indicator_0", "'indicator_0' is neither overall nor a category"),
    ("published.csv", 2, "source", "", "is empty"),
]


@pytest.mark.parametrize(("file", "line", "column", "value", "words"), CELLS)
def test_a_wrong_cell_is_named(file: str, line: int, column: str, value: str, words: str, folder: Path) -> None:
    change(folder / file, line, column, value)
    with pytest.raises(DatasetError) as refused:
        dataset.read(folder)
    message = str(refused.value)
    assert message.startswith(f"{file}, line {line}, column {column}: ")
    assert words in message


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("city.csv", "slug,name,state,colour\n", "city.csv, line 1, column colour: unknown column"),
        ("city.csv", "slug,name\n", "city.csv, line 1, column state: missing column"),
        ("city.csv", "slug,name,state,name\n", "city.csv, line 1, column name: named twice"),
        ("city.csv", "", "city.csv, line 1, column slug: missing column"),
        ("city.csv", "slug,name,state\na,A\n", "city.csv, line 2, column state: 2 values for 3 columns"),
        ("city.csv", 'slug,name,state\na,"A,B\n', "city.csv, line 2: unexpected end of data"),
        (
            "city.csv",
            "slug,name,state,population_date\na,A,B,yesterday\n",
            "city.csv, line 2, column population_date: Invalid isoformat string: 'yesterday'",
        ),
        (
            "score.csv",
            "edition,city,measure,value,source,status\n3000,made-up-000000,parameter_0,1,s,computed\n",
            "score.csv, line 2, column status: 'computed' cannot be recorded",
        ),
        (
            "score.csv",
            "edition,city,measure,value,source\n" + "3000,made-up-000000,parameter_0,1,s\n" * 2,
            "score.csv, line 3, column measure: is there twice",
        ),
        (
            "published.csv",
            "edition,city,measure,score,rank,tendency,source\n3000,made-up-000000,overall,,,1,s\n",
            "published.csv, line 2, column rank: neither a score nor a rank is given",
        ),
    ],
)
def test_a_wrong_file_is_named(file: str, content: str, message: str, folder: Path) -> None:
    (folder / file).write_text(content)
    with pytest.raises(DatasetError) as refused:
        dataset.read(folder)
    assert str(refused.value) == message


def test_a_file_that_is_not_utf_8_or_not_there_is_named(folder: Path) -> None:
    (folder / "city.csv").write_bytes(b"slug,name,state\na,\xff,B\n")
    with pytest.raises(DatasetError, match=r"^city\.csv: not UTF-8 at byte 18$"):
        dataset.read(folder)
    (folder / "city.csv").unlink()
    with pytest.raises(DatasetError, match=r"city\.csv: No such file or directory$"):
        dataset.read(folder)
