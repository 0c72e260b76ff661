"""Postgres's arrays as numpy arrays, through the binary form in which Postgres sends and takes them.

asyncpg makes a Python object of every element, which for a hundred thousand cities takes longer than all else.
Form: https://www.postgresql.org/docs/18/sql-copy.html and array_send in the server's source: big-endian, a head, then
each element with its length before it, -1 and nothing else for null.
"""

from collections.abc import Iterable, Iterator
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
# Each chunk is waited for; a row of 83 cities has 5 kB.
CHUNK_BYTES = 256 * 1024


def encode(array: "NDArray[Any]") -> bytes:
    """*array*, of one dimension, as Postgres takes it: NaN, and 0 of an int32, as null."""
    oid, width = OID_BY_NUMBER[array.dtype.num], array.dtype.itemsize
    if not len(array):
        return HEAD.pack(0, 0, oid, 0, 0)[:EMPTY_BYTES]
    missing = _missing(array)
    has_null = missing is not None and bool(missing.any())
    head = HEAD.pack(1, has_null, oid, len(array), 1)
    elements = np.empty(len(array), dtype=ELEMENT[oid])
    elements["length"] = width
    elements["value"] = array
    if not has_null:
        return head + elements.tobytes()
    elements["length"][missing] = -1
    octets = elements.view(np.uint8).reshape(len(array), -1)
    kept = np.ones(octets.shape, dtype=np.bool_)
    kept[missing, 4:] = False
    return head + octets[kept].tobytes()


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


def copy_rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[bytes]:
    """Rows for a binary COPY, in chunks: integers (integer), strings (text), arrays, and None."""
    chunk = bytearray(COPY_HEAD)
    for row in rows:
        chunk += len(row).to_bytes(2)
        for value in row:
            chunk += _field(value)
        if len(chunk) > CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk + COPY_END)


def _field(value: "int | str | NDArray[Any] | None") -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    if isinstance(value, int):
        content = value.to_bytes(4)
    else:
        content = value.encode() if isinstance(value, str) else encode(value)
    return len(content).to_bytes(4) + content


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
