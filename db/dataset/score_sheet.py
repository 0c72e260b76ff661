"""A table of scores, as CSV or as the first sheet of a workbook, submitted as one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, load_workbook

from db.change import submission
from db.change.proposal import Problem, RefusedError
from db.change.score_proposal import MAX_SCORES, ScoreChange, ScoreProposal
from db.dataset import csv_table, workbook_size
from db.dataset.csv_table import DatasetError, Line
from db.postgres.pool import Pool, transaction

SUBMITTED_BY = "sci submit"
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")


class RefusedSheetError(Exception):
    """Nothing of the sheet was kept; the message has one sentence a line for every reason."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The scores of a table, and the line that each of them is from."""

    lines: list[Line]
    changes: list[ScoreChange]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The revision that a sheet made, and how many recorded values it changed."""

    revision: int
    change_count: int


def read(path: Path, *, remove_empty: bool) -> Sheet:
    """The table in *path*: columns city, measure, value and, optional, source.

    An empty value in a CSV removes what is recorded when *remove_empty*. One in a workbook never does: an error and a
    formula that was not computed read as empty too. Raises `DatasetError` at the first thing wrong.
    """
    is_workbook = path.suffix.lower() in WORKBOOKS

    def value(text: str) -> float | None:
        if text or not remove_empty:
            return csv_table.number(text)
        if is_workbook:
            raise ValueError("an empty cell may be an error or a formula without result: save as CSV to remove values")
        return None

    columns = {"city": csv_table.text, "measure": csv_table.text, "value": value}
    optional = {"source": csv_table.text}
    if is_workbook:
        workbook_size.check(path)
        lines = list(csv_table.convert(path.name, _rows(path), columns, optional))
    else:
        lines = list(csv_table.lines(path, columns, optional))
    seen: set[tuple[str, str]] = set()
    for line in lines:
        key = line.values["city"], line.values["measure"]
        csv_table.once(line, "measure", key, seen)
        seen.add(key)
    return Sheet(lines, [ScoreChange(**line.values) for line in lines])


async def submit(pool: Pool, sheet: Sheet, year: int, source: str | None, done: Callable[[int], None]) -> Submitted:
    """Submit all of a sheet, or nothing, as the mutation would; *done* is told how many scores each step recorded.

    More scores than one submission may have become several, in one transaction.
    Raises `RefusedSheetError` with every reason of the first submission that is refused.
    """
    revision, change_count = 0, 0
    async with transaction(pool) as writer:
        for start in range(0, max(1, len(sheet.changes)), MAX_SCORES):
            batch = sheet.changes[start : start + MAX_SCORES]
            try:
                made = await submission.submit(writer, ScoreProposal(year, batch, source=source), SUBMITTED_BY, None)
            except RefusedError as refused:
                reasons = [_reason(problem, sheet.lines[start:]) for problem in refused.problems]
                raise RefusedSheetError("\n".join(reasons)) from refused
            revision, change_count = made.revision, change_count + made.change_count
            done(len(batch))
    return Submitted(revision, change_count)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of the first sheet that are not empty, as the text that CSV would have."""
    try:
        with load_workbook(path) as workbook:
            rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    except CalamineError as error:
        raise DatasetError(f"{path.name}: {error}") from error
    for number, row in enumerate(rows, 1):
        if any(cell != "" for cell in row):
            yield number, [_text(cell) for cell in row]


def _text(cell: Any) -> str:
    return repr(cell) if isinstance(cell, float) else str(cell)


def _reason(problem: Problem, lines: list[Line]) -> str:
    match problem.path:
        case ("scores", number, *column):
            line = lines[int(number)]
            return f"{line.file}, line {line.number}, column {(column or ['measure'])[0]}: {problem.message}"
    return problem.message
