"""Cells of CSV for people: a spreadsheet takes text that begins with certain characters for a formula and runs it."""

FORMULA = ("=", "+", "-", "@")


def harmless(cell: object) -> object:
    """The cell, with an apostrophe before text that a spreadsheet would run; numbers stay numbers."""
    if isinstance(cell, str) and cell and (cell.startswith(FORMULA) or ord(cell[0]) < ord(" ")):
        return f"'{cell}"
    return cell
