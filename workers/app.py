"""The Celery application. Its messages are a doorbell: losing every one of them costs delay, never data."""

import logging
from typing import Any

from celery import Celery, signals

from db import telemetry
from db.settings import Settings
from workers import metrics, transport

QUEUE = "ranking"
RECOMPUTE = "ranking.recompute"
ANALYSE = "uncertainty.analyse"
CANARY = "health.canary"

settings = Settings()


def broker_url(redis_url: str) -> str:
    """The same Redis in Celery's spelling, which names a Unix socket and its database differently."""
    if not redis_url.startswith("unix://"):
        return redis_url
    return redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


def create_app(settings: Settings) -> Celery:
    """The application of one installation; raises `ValueError` without a Redis address."""
    if settings.redis_url is None:
        raise ValueError("REDIS_URL is not set")
    transport.install()
    app = Celery("sci", broker=broker_url(settings.redis_url), include=["workers.tasks"])
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        # A killed child would otherwise acknowledge its task.
        task_reject_on_worker_lost=True,
        # The results that a killed child might still have sent are not waited for: there are none.
        worker_lost_wait=0.5,
        task_time_limit=settings.task_time_limit_seconds,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=True,
        worker_soft_shutdown_timeout=settings.shutdown_seconds,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": settings.visibility_timeout_seconds,
            # With kombu's defaults a killed worker's task came back after 101 s, with these after 3 s.
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            # Without it a publish waits for ever on a paused Redis.
            "socket_timeout": settings.redis_timeout_seconds,
            "socket_connect_timeout": settings.redis_timeout_seconds,
        },
    )
    return app


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    telemetry.configure(settings)
    # A line for each task that came and one for each that ended say nothing that `ranking stored` does not.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)


@signals.worker_ready.connect
def _show_metrics(**_: Any) -> None:
    metrics.serve(settings.metrics_port)


app = create_app(settings)
