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
NULL = b"\xff\xff\xff\xff"
# With which -1 begins, and no other length does.
NULL_OCTET = 0xFF

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
    has_null: list[bool] = np.any(missing, axis=1).tolist()
    return [
        heads[True] + _without(row, absent) if some else heads[False] + row.tobytes()
        for row, absent, some in zip(elements, missing, has_null, strict=True)
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
    nulls, words = _nulls(body, length, element.itemsize)
    present = np.ones(length, dtype=np.bool_)
    present[nulls] = False
    array[present] = np.delete(np.frombuffer(body, dtype=np.int32), words).view(element)["value"]
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
    contents = (next(encoded) if isinstance(value, np.ndarray) else _content(value) for value in values)
    return [NULL if content is None else len(content).to_bytes(4) + content for content in contents]


def _content(value: int | str | None) -> bytes | None:
    if value is None:
        return None
    return value.to_bytes(4) if isinstance(value, int) else value.encode()


def _without(elements: "NDArray[Any]", absent: "NDArray[np.bool_]") -> bytes:
    """The octets of one array's elements, of those that are *absent* only a length of -1."""
    elements["length"][absent] = -1
    words = elements.view(np.int32).reshape(len(elements), -1)
    kept = np.ones(words.shape, dtype=np.bool_)
    kept[absent, 1:] = False
    return words[kept].tobytes()


def _missing(array: "NDArray[Any]") -> "NDArray[np.bool_] | None":
    missing: NDArray[np.bool_] | None = None
    if array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype == np.int32:
        missing = np.logical_not(array)
    return missing


def _nulls(body: memoryview, length: int, step: int) -> tuple[list[int], list[int]]:
    """Which elements are null, and at which word of four octets each of them is.

    Where one is depends on all before it; a plain loop takes no longer than what numpy can do about that.
    """
    nulls, words, offset = [], [], 0
    for place in range(length):
        if body[offset] == NULL_OCTET:
            nulls.append(place)
            words.append(offset // 4)
            offset += 4
        else:
            offset += step
    return nulls, words
