"""A Celery application with one task that does nothing but say that it ran: the floor of every task."""

import os

from celery import Celery
from redis import Redis

from workers import transport
from workers.app import broker_url

transport.install()
app = Celery("empty", broker=broker_url(os.environ["REDIS_URL"]))
app.conf.update(task_default_queue="empty", task_ignore_result=True, worker_prefetch_multiplier=1)
redis = Redis.from_url(os.environ["REDIS_URL"])


@app.task(name="empty")
def empty() -> None:
    """Tell whoever waits."""
    redis.publish("empty", "")
