"""How large a workbook is, found out before it is read: a reader fills all cells up to the one that is farthest out."""

import re
import zipfile
from pathlib import Path

from db.dataset.csv_table import DatasetError

MOST_FILE_BYTES = 20 * 1024 * 1024
MOST_UNPACKED_BYTES = 200 * 1024 * 1024
MOST_CELLS = 5_000_000
CELL = re.compile(rb'r="([A-Z]{1,3})([0-9]{1,7})"')
CHUNK_BYTES = 1024 * 1024


def check(path: Path) -> None:
    """Raise `DatasetError` for a workbook that is larger, or has cells further out, than any sheet of scores."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
    if size > MOST_FILE_BYTES:
        raise DatasetError(f"{path.name}: has {size} bytes, {MOST_FILE_BYTES} are allowed")
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED_BYTES:
            raise DatasetError(f"{path.name}: has {unpacked} bytes unpacked, {MOST_UNPACKED_BYTES} are allowed")
        for name in archive.namelist():
            if name.startswith("xl/worksheets/"):
                _check_sheet(archive, name, path.name)


def _check_sheet(archive: zipfile.ZipFile, name: str, file: str) -> None:
    last_row = last_column = 0
    rest = b""
    with archive.open(name) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            text = rest + chunk
            for letters, digits in CELL.findall(text):
                last_row, last_column = max(last_row, int(digits)), max(last_column, _column(letters))
            rest = text[-16:]
    if last_row * last_column > MOST_CELLS:
        message = f"a cell lies in row {last_row} or column {last_column}: up to {MOST_CELLS} cells are read"
        raise DatasetError(f"{file}: {message}; delete what is far from the table")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
