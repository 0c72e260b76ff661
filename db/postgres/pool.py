"""Connections to Postgres, and the two types that tell reading from writing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NewType, TypeAlias

import asyncpg
import orjson

from db.settings import Settings

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool = asyncpg.Pool
    Connection = asyncpg.Connection

# What any statement may raise while Postgres does not answer, is shutting down, has no room or no right to write, or
# when another transaction was first. Trying again later is the answer to all of it.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.exceptions.TransactionRollbackError,
    # What asyncpg makes of a connection that the server ends just as the pool hands it out.
    asyncpg.InternalClientError,
)

# What a connection raises that Postgres turns away: trying again later is no answer.
TURNED_AWAY = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)

# Of Postgres's type integer.
LARGEST_INTEGER = 2**31 - 1

# A statement of one's own that takes too long; it may do so every time.
TOO_LONG = asyncpg.QueryCanceledError

# The server's own timeout comes first: its error says more.
GRACE_SECONDS = 1

# A connection inside a transaction; only `transaction` makes one, so a write outside is a type error.
Writer = NewType("Writer", "Connection")  # type: ignore[valid-newtype]
Reader: TypeAlias = "Pool | Connection | Writer"


async def connect(database_url: str, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection outside any pool, for commands and for LISTEN."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(database_url, **options)
    await _prepare(connection)
    return connection


async def create_pool(
    database_url: str,
    settings: Settings,
    application: str,
    statement_seconds: float | None = None,
    *,
    at_least: int = 1,
) -> "Pool":
    """A pool whose connections carry the settings' timeouts and the name *application*.

    No statement takes longer than *statement_seconds*, the settings' when None, on the server or on this side of a
    connection that has gone silent. The pool may have *at_least* so many connections, whatever the settings say.
    """
    statement_seconds = statement_seconds or settings.statement_timeout_seconds
    pool = asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=max(settings.database_pool_size, at_least),
        init=_prepare,
        reset=_reset,
        timeout=settings.lock_timeout_seconds,
        command_timeout=statement_seconds + GRACE_SECONDS,
        server_settings={
            "application_name": f"sci {application}",
            "statement_timeout": _milliseconds(statement_seconds),
            "lock_timeout": _milliseconds(settings.lock_timeout_seconds),
            # A worker's lock is a transaction that is idle while another one computes: it must outlive that one.
            "idle_in_transaction_session_timeout": _milliseconds(2 * statement_seconds),
        },
    )
    await pool
    return pool


async def close(pool: "Pool") -> None:
    """Close every connection, without a goodbye when Postgres does not take it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await pool.close()


@asynccontextmanager
async def transaction(
    pool: "Pool", isolation: Literal["read_committed", "repeatable_read"] = "read_committed"
) -> AsyncIterator[Writer]:
    """A transaction on a connection of its own: committed at the end, rolled back on any error."""
    async with pool.acquire() as connection, connection.transaction(isolation=isolation):
        yield Writer(connection)


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS),
        decoder=lambda data: orjson.loads(data[1:]),
        format="binary",
    )


async def _reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Nothing here sets anything for a session, so only what a call left open is undone: a round trip saved."""
    if connection.is_in_transaction():
        await connection.reset()


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
