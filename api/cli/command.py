"""The command lines of the processes that a whole system consists of."""

import sys


def serve(descriptor: int) -> list[str]:
    """One API process on an inherited listening socket."""
    return [sys.executable, "-m", "api.cli.main", "serve", "--fd", str(descriptor)]


def worker(concurrency: int, log_level: str) -> list[str]:
    """One Celery worker; what it leaves out costs start-up time and tells workers of each other."""
    celery = [sys.executable, "-m", "celery", "--app", "workers.app", "worker"]
    quiet = ["--without-gossip", "--without-mingle"]
    return [*celery, *quiet, "--concurrency", str(concurrency), "--loglevel", log_level]


def relay() -> list[str]:
    """One relay."""
    return [sys.executable, "-m", "workers.relay"]
