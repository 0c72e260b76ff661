"""This installation's own Postgres and Redis, from wheels, as child processes on Unix sockets."""

from db.local.directory import InUseError, LocalError, claim, database_url, redis_url
from db.local.orphan import orphan_of
from db.local.postgres import postgres
from db.local.process import Child, Process, running
from db.local.redis import redis
from db.local.servers import database, servers

__all__ = [
    "Child",
    "InUseError",
    "LocalError",
    "Process",
    "claim",
    "database",
    "database_url",
    "orphan_of",
    "postgres",
    "redis",
    "redis_url",
    "running",
    "servers",
]
