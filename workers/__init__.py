"""Celery recomputes rankings; the relay hands it what the outbox and the revisions ask for."""
