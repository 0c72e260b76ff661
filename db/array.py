"""Postgres's arrays as numpy arrays, through the binary form in which Postgres sends and takes them.

asyncpg makes a Python object of every element, which for a hundred thousand cities takes longer than all else.
Form: https://www.postgresql.org/docs/18/sql-copy.html and array_send in the server's source: big-endian, a head, then
each element with its length before it, -1 and nothing else for null.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Dimensions, whether there are nulls, the element type, the length, the index of the first element.
HEAD = Struct(">iiiii")
EMPTY_BYTES = 12

# Postgres's element type by numpy's; the numbers are those of pg_type, and never change.
OID = {"float64": 701, "int32": 23, "int16": 21, "bool": 16}
# By numpy's own number: to find out the name of a type takes as long as all else for 83 elements.
OID_BY_NUMBER = {np.dtype(name).num: oid for name, oid in OID.items()}
DTYPE = {oid: np.dtype(name) for name, oid in OID.items()}
ELEMENT = {oid: np.dtype([("length", ">i4"), ("value", dtype.newbyteorder(">"))]) for oid, dtype in DTYPE.items()}

COPY_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_END = b"\xff\xff"
# Each chunk is waited for; a row of 83 cities has 5 kB. Rows of less are encoded and decoded together.
CHUNK_BYTES = 256 * 1024


def encode(figures: "NDArray[Any]") -> list[bytes]:
    """Each row of *figures*, (rows, elements), as Postgres takes an array: NaN, and 0 of an int32, as null."""
    oid, width = OID_BY_NUMBER[figures.dtype.num], figures.dtype.itemsize
    count, length = figures.shape
    if not length:
        return [HEAD.pack(0, 0, oid, 0, 0)[:EMPTY_BYTES]] * count
    elements = np.empty(figures.shape, dtype=ELEMENT[oid])
    elements["length"] = width
    elements["value"] = figures
    heads = [HEAD.pack(1, some, oid, length, 1) for some in (False, True)]
    missing = _missing(figures)
    if missing is None:
        return [heads[False] + row.tobytes() for row in elements]
    return [
        heads[True] + _without(row, absent) if absent.any() else heads[False] + row.tobytes()
        for row, absent in zip(elements, missing, strict=True)
    ]


def decode(content: bytes) -> "NDArray[Any]":
    """The array of which Postgres sent *content*; null as `encode` has it."""
    oid = int.from_bytes(content[8:12])
    dtype, element = DTYPE[oid], ELEMENT[oid]
    if len(content) == EMPTY_BYTES:
        return np.empty(0, dtype=dtype)
    length = int.from_bytes(content[12:16])
    body = memoryview(content)[HEAD.size :]
    if len(body) == length * element.itemsize:
        return np.frombuffer(body, dtype=element)["value"].astype(dtype)
    array = np.full(length, np.nan if dtype.kind == "f" else 0, dtype=dtype)
    if len(body) > length * 4:
        starts, is_null = _starts(np.frombuffer(body, dtype=">i4"), length, element.itemsize // 4)
        octets = np.frombuffer(body, dtype=np.uint8)
        values = starts[~is_null, None] * 4 + np.arange(4, element.itemsize)
        array[~is_null] = octets[values].reshape(-1).view(dtype.newbyteorder(">"))
    return array


def decode_rows(contents: Sequence[bytes]) -> "list[NDArray[Any]]":
    """The arrays of equal length and type of which Postgres sent *contents*.

    Those without a null are taken apart together: for 83 elements a call of numpy takes longer than what it does.
    """
    if not contents or len(contents[0]) == EMPTY_BYTES:
        return [decode(content) for content in contents]
    oid = int.from_bytes(contents[0][8:12])
    row = np.dtype([("head", f"V{HEAD.size}"), ("elements", ELEMENT[oid], int.from_bytes(contents[0][12:16]))])
    if row.itemsize > CHUNK_BYTES:
        return [decode(content) for content in contents]
    full = b"".join(content for content in contents if len(content) == row.itemsize)
    decoded = iter(np.frombuffer(full, dtype=row)["elements"]["value"].astype(DTYPE[oid]))
    return [next(decoded) if len(content) == row.itemsize else decode(content) for content in contents]


def copy_rows(rows: Sequence[tuple[Any, ...]]) -> Iterator[bytes]:
    """Rows for a binary COPY, in chunks: integers (integer), strings (text), None, and arrays.

    The arrays of a column are of equal length and type.
    """
    chunk = COPY_HEAD
    step = 1 + CHUNK_BYTES // (1 + sum(value.nbytes for value in rows[0] if isinstance(value, np.ndarray)))
    for start in range(0, len(rows), step):
        fields = [_fields(values) for values in zip(*rows[start : start + step], strict=True)]
        count = len(fields).to_bytes(2)
        yield chunk + b"".join(count + b"".join(row) for row in zip(*fields, strict=True))
        chunk = b""
    yield chunk + COPY_END


def _fields(values: Sequence[Any]) -> list[bytes]:
    """Each value of a column with its length before it."""
    arrays = [value for value in values if isinstance(value, np.ndarray)]
    encoded = iter(encode(np.array(arrays)) if arrays else [])
    return [_field(next(encoded) if isinstance(value, np.ndarray) else value) for value in values]


def _field(value: int | str | bytes | None) -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    if isinstance(value, int):
        value = value.to_bytes(4)
    content = value.encode() if isinstance(value, str) else value
    return len(content).to_bytes(4) + content


def _without(elements: "NDArray[Any]", absent: "NDArray[np.bool_]") -> bytes:
    """The octets of one array's elements, of those that are *absent* only a length of -1."""
    elements["length"][absent] = -1
    octets = elements.view(np.uint8).reshape(len(elements), -1)
    kept = np.ones(octets.shape, dtype=np.bool_)
    kept[absent, 4:] = False
    return octets[kept].tobytes()


def _missing(array: "NDArray[Any]") -> "NDArray[np.bool_] | None":
    missing: NDArray[np.bool_] | None = None
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype == np.int32:
        missing = np.logical_not(array)
    return missing


def _starts(words: "NDArray[Any]", length: int, width: int) -> "tuple[NDArray[np.intp], NDArray[np.bool_]]":
    """The word at which each element starts, and whether it is null.

    Where one starts depends on all before it: the steps from word to word are doubled until they reach the last.
    """
    after = np.arange(len(words)) + np.where(words == -1, 1, width)
    step = np.append(np.minimum(after, len(words)), len(words))
    starts = np.zeros(1, dtype=np.intp)
    while len(starts) < length:
        starts = np.concatenate([starts, step[starts]])
        step = step[step]
    starts = starts[:length]
    return starts, words[starts] == -1
