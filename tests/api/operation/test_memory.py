"""What a process keeps of operations is within its limit, and the account of it is true within a factor of two."""

import gc
import hashlib
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.operation.limits import MAX_PAGE_SIZE
from api.operation.memory import MIB, Memory, Store
from db.settings import Settings
from tests.api.operation.test_limits import EVERYTHING
from tests.conftest import running_api

SMALLEST = 8
# What a process takes for other things meanwhile: connections, caches of libraries.
SLACK = MIB // 4
Bodies = Callable[[], Iterator[dict[str, Any]]]


def documents() -> Iterator[dict[str, Any]]:
    for number in range(30):
        yield {"query": EVERYTHING.replace("{ ranking", f"{{ a{number}: ranking", 1).replace("first: 100", "first: 1")}


def small_documents() -> Iterator[dict[str, Any]]:
    for number in range(150):
        yield {"query": f'{{ city(slug: "krefeld") {{ name{number}: name }} }}'}


def long_documents() -> Iterator[dict[str, Any]]:
    for number in range(40):
        yield {"query": f"{{ a{number}: __typename }} # {'x' * 40_000}"}


def variables() -> Iterator[dict[str, Any]]:
    query = """query($city: String!, $state: String!) { ranking { entry(city: $city) { score }
      peers(states: [$state]) { entries { rank entry { categories { rank } } } } } }"""
    for number in range(120):
        yield {"query": query, "variables": {"city": str(number).zfill(200), "state": "Hessen"}}


def page_sizes() -> Iterator[dict[str, Any]]:
    query = "query($first: Int) { cities(first: $first) { totalCount } }"
    for number in range(30):
        yield {"query": query, "variables": {"first": str(number) * 60_000}}
        yield {"query": query, "variables": {"first": number % MAX_PAGE_SIZE + 1}}


def ids() -> Iterator[dict[str, Any]]:
    for number in range(150):
        yield {"query": "query($id: ID!) { node(id: $id) { id } }", "variables": {"id": f"Q2l0eTp{number:06}"}}


def registrations() -> Iterator[dict[str, Any]]:
    for number in range(100):
        query = f"query Q{number} {{ __typename }} # {'x' * 10_000}"
        yield {"query": query, "documentId": hashlib.sha256(query.encode()).hexdigest()}


KINDS: list[Bodies] = [documents, small_documents, long_documents, variables, page_sizes, ids, registrations]


@pytest.mark.parametrize("bodies", KINDS, ids=lambda bodies: bodies.__name__)
async def test_the_account_is_true_within_a_factor_of_two(bodies: Bodies, settings: Settings) -> None:
    async with running_api(settings.model_copy(update={"memory_mb": SMALLEST})) as api:
        memory = api.service.http.execution.memory
        for number, body in enumerate(bodies()):
            if number < 5:
                await api.client.post("/graphql", json=body)
        gc.collect()
        tracemalloc.start()
        try:
            counted, taken = memory.used_bytes, tracemalloc.get_traced_memory()[0]
            for body in bodies():
                await api.client.post("/graphql", json={**body, "operationName": None})
            gc.collect()
            counted, taken = memory.used_bytes - counted, tracemalloc.get_traced_memory()[0] - taken
        finally:
            tracemalloc.stop()
        assert memory.used_bytes <= SMALLEST * MIB
    assert counted / 2 - SLACK < taken < counted * 2 + SLACK, f"{counted} bytes are counted, {taken} are taken"


def test_the_largest_store_gives_way_first() -> None:
    memory = Memory(0.01)
    large: Store[int, str] = memory.store("large")
    small: Store[int, str] = memory.store("small")
    small.keep(0, "kept", 1_000)
    for number in range(10):
        large.keep(number, "large", 2_000)
    assert small.get(0) == "kept"
    assert [number for number in range(10) if large.get(number)] == [7, 8, 9]
    large.grow(9, 5_000)
    assert [number for number in range(10) if large.get(number)] == [9]
    assert memory.used_bytes <= memory.limit_bytes
