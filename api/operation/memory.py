"""One account of the bytes that a process keeps of operations: documents with their plans, answers, registrations.

Each kind has a store. When all stores together are above the limit, the largest one drops what it used longest ago.
Sizes are estimates, by figures that were measured with tracemalloc; `tests/api/operation/test_memory.py` compares them
with what is really taken.

    memory = Memory(megabytes=64)
    texts: Store[str, str] = memory.store("texts")
    texts.keep("a", "text", 4 * KIB)
    texts.grow("a", 1 * KIB)           # what is kept has grown
    texts.get("a")                     # "text", or None once it was dropped
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KIB = 1024
MIB = 1024 * KIB
# Of an entry: its key, its place in the dictionary, and the tuple with its size.
ENTRY_BYTES = 400

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory:
    """The stores of a process, and their limit."""

    def __init__(self, megabytes: float) -> None:
        self.limit_bytes = round(megabytes * MIB)
        self.stores: dict[str, Store[object, object]] = {}

    def store(self, name: str) -> "Store[K, V]":
        """A new store."""
        store: Store[K, V] = Store(self)
        self.stores[name] = store  # type: ignore[assignment]
        return store

    @property
    def used_bytes(self) -> int:
        """Of all stores."""
        return sum(store.used_bytes for store in self.stores.values())

    def shrink(self) -> None:
        """Drop what is above the limit."""
        while self.used_bytes > self.limit_bytes:
            max(self.stores.values(), key=lambda store: store.used_bytes).drop_oldest()


class Store(Generic[K, V]):
    """What is kept of one kind, by key, with its size in bytes."""

    def __init__(self, memory: Memory) -> None:
        self.used_bytes = 0
        self._memory = memory
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """What is kept under *key*."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: K, value: V, size: int) -> None:
        """Keep a value of *size* bytes, in place of what had its key."""
        self.drop(key)
        self._entries[key] = value, size + ENTRY_BYTES
        self.used_bytes += size + ENTRY_BYTES
        self._memory.shrink()

    def grow(self, key: K, size: int) -> None:
        """Count *size* bytes more, or fewer, for what is kept under *key*."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries[key] = entry[0], entry[1] + size
            self.used_bytes += size
            self._memory.shrink()

    def drop(self, key: K) -> None:
        """Keep nothing under *key*."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry[1]

    def drop_oldest(self) -> None:
        """Drop what was used longest ago."""
        _, (_, size) = self._entries.popitem(last=False)
        self.used_bytes -= size
