"""Postgres's arrays as numpy arrays, through the binary form in which Postgres sends and takes them.

asyncpg makes a Python object of every element, which for a hundred thousand cities takes longer than all else.
Form: https://www.postgresql.org/docs/18/sql-copy.html and array_send in the server's source: big-endian, a head, then
each element with its length before it, -1 and nothing else for null.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Dimensions, whether there are nulls, the element type, the length, the index of the first element.
HEAD = Struct(">iiiii")
EMPTY_BYTES = 12
FIELD_LENGTH_BYTES = 4
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
    """Each row of *figures*, (rows, elements), as a field that Postgres takes: its length, then the array.

    NaN, and 0 of an int32, is null.
    """
    oid, width = OID_BY_NUMBER[figures.dtype.num], figures.dtype.itemsize
    count, length = figures.shape
    if not length:
        return [_field(HEAD.pack(0, 0, oid, 0, 0)[:EMPTY_BYTES])] * count
    rows = np.empty(count, dtype=_row(oid, length))
    size = rows.itemsize
    rows["size"] = size - FIELD_LENGTH_BYTES
    rows["head"] = np.void(HEAD.pack(1, False, oid, length, 1))
    elements = rows["elements"]
    elements["length"] = width
    elements["value"] = figures
    whole = rows.tobytes()
    full = [whole[start : start + size] for start in range(0, count * size, size)]
    missing = _missing(figures)
    if missing is None:
        return full
    head = HEAD.pack(1, True, oid, length, 1)
    nothing = _field(head + NULL * length)
    nulls: list[int] = np.count_nonzero(missing, axis=1).tolist()
    return [
        field if not some else nothing if some == length else _field(head + _without(row, absent))
        for field, row, absent, some in zip(full, elements, missing, nulls, strict=True)
    ]


@lru_cache
def _row(oid: int, length: int) -> "np.dtype[Any]":
    """The field of an array whose elements are all there."""
    return np.dtype([("size", ">i4"), ("head", f"V{HEAD.size}"), ("elements", ELEMENT[oid], length)])


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
    if len(body) == length * len(NULL):
        return array
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
    row = _row(oid, int.from_bytes(contents[0][12:16]))
    size = row.itemsize - FIELD_LENGTH_BYTES
    if size > CHUNK_BYTES:
        return [decode(content) for content in contents]
    full = b"".join(NULL + content for content in contents if len(content) == size)
    decoded = iter(np.frombuffer(full, dtype=row)["elements"]["value"].astype(DTYPE[oid]))
    return [next(decoded) if len(content) == size else decode(content) for content in contents]


def copy_rows(columns: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    """Rows for a binary COPY, in chunks, of a column for each field.

    A column has integers (integer), strings (text), or arrays of equal length and type, None in place of some.
    """
    count = len(columns[0])
    arrays = (next((each for each in column if isinstance(each, np.ndarray)), None) for column in columns)
    row_bytes = 1 + sum(each.nbytes for each in arrays if each is not None)
    step = 1 + CHUNK_BYTES // row_bytes
    head = len(columns).to_bytes(2)
    yield COPY_HEAD
    for start in range(0, count, step):
        fields = [_fields(column[start : start + step]) for column in columns]
        yield b"".join(chain.from_iterable((head, *row) for row in zip(*fields, strict=True)))
    yield COPY_END


def _fields(values: Sequence[Any]) -> list[bytes]:
    """Each value of a column with its length before it."""
    if isinstance(values[0], int):
        return [_field(value.to_bytes(4)) for value in values]
    if isinstance(values[0], str):
        return [_field(value.encode()) for value in values]
    arrays = [value for value in values if value is not None]
    encoded = iter(encode(np.array(arrays)) if arrays else [])
    return [NULL if value is None else next(encoded) for value in values]


def _field(content: bytes) -> bytes:
    return len(content).to_bytes(FIELD_LENGTH_BYTES) + content


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
