"""One CSV file of a dataset: its header, its lines, and the conversion of each value."""

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

from db.index.city import SLUG
from db.postgres.pool import LARGEST_INTEGER


class DatasetError(Exception):
    """A file of a dataset is wrong; the message names the file, the line and the column."""


@dataclass(frozen=True)
class Line:
    """One line of a file: its values by column, None where empty or absent."""

    file: str
    number: int
    values: dict[str, Any]

    def fail(self, column: str, message: str) -> NoReturn:
        raise DatasetError(f"{self.file}, line {self.number}, column {column}: {message}")


Converter = Callable[[str], Any]
Columns = Mapping[str, Converter]


def lines(path: Path, columns: Columns, optional: Columns | None = None) -> Iterator[Line]:
    """The lines of a CSV file below its header, every value converted."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            yield from convert(path.name, ((reader.line_num, row) for row in reader), columns, optional)
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path.name}: not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise DatasetError(f"{path.name}, line {reader.line_num}: {error}") from error


def convert(
    name: str, rows: Iterator[tuple[int, list[str]]], columns: Columns, optional: Columns | None = None
) -> Iterator[Line]:
    """The numbered rows of a table below its header, every text converted."""
    optional = optional or {}
    converters = {**columns, **optional}
    _, header = next(rows, (1, []))
    _check_header(name, header, columns, optional)
    for number, fields in rows:
        line = Line(name, number, dict.fromkeys(optional))
        if len(fields) != len(header):
            line.fail(header[-1], f"{len(fields)} values for {len(header)} columns")
        for column, text in zip(header, fields, strict=True):
            if column in columns or text:
                line.values[column] = _convert(line, column, text, converters[column])
        yield line


def _check_header(file: str, header: list[str], columns: Columns, optional: Columns) -> None:
    line = Line(file, 1, {})
    for index, name in enumerate(header):
        if name not in columns and name not in optional:
            line.fail(name or str(index + 1), "unknown column")
        if name in header[:index]:
            line.fail(name, "named twice")
    for name in columns:
        if name not in header:
            line.fail(name, "missing column")


def _convert(line: Line, column: str, text: str, converter: Converter) -> Any:
    if "\0" in text:
        line.fail(column, "has a NUL character")
    try:
        return converter(text)
    except ValueError as error:
        if isinstance(converter, type) and issubclass(converter, StrEnum):
            line.fail(column, f"{text!r} is none of {', '.join(converter)}")
        line.fail(column, str(error))


def once(line: Line, column: str, key: Any, seen: Any) -> None:
    if key in seen:
        line.fail(column, f"{key} is there twice" if isinstance(key, str | int) else "is there twice")


def optional(converter: Converter) -> Converter:
    return lambda raw: converter(raw) if raw else None


def text(raw: str) -> str:
    if not raw.strip():
        raise ValueError("is empty")
    return raw


def optional_text(raw: str) -> str | None:
    return raw or None


def slug(raw: str) -> str:
    if not SLUG.fullmatch(raw):
        raise ValueError(f"{raw!r} is not lower-case letters and digits joined by hyphens")
    return raw


def integer(raw: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,10}", raw) or abs(int(raw)) > LARGEST_INTEGER:
        raise ValueError(f"{raw!r} is not a whole number")
    return int(raw)


def count(raw: str) -> int:
    number = integer(raw)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


def positive(raw: str) -> int:
    number = integer(raw)
    if number < 1:
        raise ValueError(f"{number} is less than 1")
    return number


NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:nan|inf)", re.IGNORECASE)


def year(raw: str) -> int:
    number = integer(raw)
    if not 1000 <= number <= 9999:
        raise ValueError(f"{raw!r} is not a year")
    return number


def number(raw: str) -> float:
    # Python also reads 8_8.3 and digits of other scripts.
    if not NUMBER.fullmatch(raw):
        raise ValueError(f"{raw!r} is not a number")
    # Minus zero is zero.
    number = float(raw) + 0.0
    if not math.isfinite(number):
        raise ValueError(f"{raw!r} is not a finite number")
    return number


def points(raw: str) -> float:
    score = number(raw)
    if not 0 <= score <= 100:
        raise ValueError(f"{raw} is outside 0 to 100")
    return score
