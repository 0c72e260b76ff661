"""The log file of a child process: bounded in size, and its last lines in words for a person."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
OLDER_FILES = 3
LAST_LINES = 5
TAIL_BYTES = 65_536

# What stands between the words of a program that aborts: where in its code it was.
BACKTRACES = {
    "Traceback (most recent call last):": None,
    "BUG REPORT START": "BUG REPORT END",
}
BETWEEN_ERRORS = ("During handling of the above exception", "The above exception was the direct cause")


def rotate(log: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Move the lines of a log that is larger than the limit into `LOG.1`, those of `LOG.1` into `LOG.2`, and so on.

    The log is copied and emptied, because the child keeps it open and goes on appending to it.
    """
    try:
        if log.stat().st_size <= limit_bytes:
            return
    except FileNotFoundError:
        return
    files = [log.with_name(f"{log.name}.{number}") for number in range(1, OLDER_FILES + 1)]
    for newer, older in zip(reversed(files[:-1]), reversed(files[1:]), strict=True):
        if newer.exists():
            newer.replace(older)
    shutil.copyfile(log, files[0])
    with log.open("r+b") as stream:
        stream.truncate(0)


def last_words(log: Path, start: int) -> str:
    """The last lines written since the byte *start*, indented, without backtraces, and where the rest is.

    Each line follows a line feed, so that the result is appended to a sentence.
    """
    with log.open("rb") as stream:
        size = stream.seek(0, 2)
        # A log that was rotated since is shorter.
        stream.seek(max(start if start <= size else 0, size - TAIL_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    words = [line for line in _without_backtraces(map(_event, lines)) if line.strip()]
    return "".join(f"\n  {line}" for line in [*words[-LAST_LINES:], f"The log is {log}"])


def _event(line: str) -> str:
    """A line of our own processes, which is JSON, as its event and error; any other line as it is."""
    if not line.startswith("{"):
        return line
    try:
        event = json.loads(line)
    except ValueError:
        return line
    words = [event.get("event"), event.get("error"), str(event.get("exception") or "").rpartition("\n")[2]]
    return ": ".join(str(word) for word in words if word) or line


def _without_backtraces(lines: Iterable[str]) -> Iterator[str]:
    rest = iter(lines)
    for line in rest:
        starts = next((start for start in BACKTRACES if start in line), None)
        if starts is None:
            if not line.startswith(BETWEEN_ERRORS):
                yield line
            continue
        end = BACKTRACES[starts]
        for inside in rest:
            # A traceback of Python ends with the first line that is not indented, which is the error itself.
            if end is None and inside.strip() and not inside.startswith((" ", "\t")):
                yield inside
                break
            if end is not None and end in inside:
                break
