"""Arrays in Postgres's binary form, against what Postgres itself makes of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from db.postgres import array
from db.postgres.pool import Pool

LENGTHS = st.integers(0, 40)
FIGURES = st.one_of(
    arrays(np.float64, LENGTHS, elements=st.one_of(st.floats(), st.just(np.nan))),
    arrays(np.int32, LENGTHS, elements=st.integers(-1, 2)),
    arrays(np.int16, LENGTHS),
    arrays(np.bool_, LENGTHS),
)
TYPES = {"float64": "double precision", "int32": "integer", "int16": "smallint", "bool": "boolean"}
GIVEN: list[tuple[str, list[Any]]] = [
    ("float64", [1.5, None, -0.0, None, float("inf")]),
    ("float64", [None, None]),
    ("float64", []),
    ("int32", [None, -1, 7, None]),
    ("int16", [4, -1]),
    ("bool", [True, False]),
]


@given(FIGURES)
def test_what_is_encoded_is_decoded(figures: Any) -> None:
    [encoded] = array.encode(figures[None])
    assert int.from_bytes(encoded[:4]) == len(encoded) - 4
    decoded = array.decode(encoded[4:])
    assert decoded.dtype == figures.dtype
    assert np.array_equal(decoded, figures, equal_nan=figures.dtype.kind == "f")


@pytest.mark.parametrize(("name", "elements"), GIVEN)
async def test_postgres_sends_and_takes_the_same_form(name: str, elements: list[Any], pool: Pool) -> None:
    sent = await pool.fetchval(f"select array_send($1::{TYPES[name]}[])", elements)
    missing = np.nan if name == "float64" else 0
    figures = np.array([missing if element is None else element for element in elements], dtype=name)
    assert np.array_equal(array.decode(sent), figures, equal_nan=name == "float64")
    async with pool.acquire() as connection:
        await connection.execute(f"create temporary table taken (figures {TYPES[name]}[])")
        rows = array.copy_rows([[figures, None]])

        async def each() -> Any:
            for chunk in rows:
                yield chunk

        await connection.copy_to_table("taken", source=each(), format="binary")
        assert [row[0] for row in await connection.fetch("select figures from taken")] == [elements, None]
