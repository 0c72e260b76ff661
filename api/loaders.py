"""One loader an edge. They batch and never cache, so a long-lived connection cannot serve what is old."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from strawberry.dataloader import DataLoader

from db import audit, definition, edition, ranking, recomputation, score, submission, uncertainty
from db.audit import AuditPage, PageKey
from db.definition import FieldChange
from db.edition import State
from db.pool import Pool, Reader
from db.ranking import Key
from db.recomputation import Recomputation
from db.score import Provenance, ProvenanceKey
from db.submission import Submission
from db.uncertainty import Analysis

K = TypeVar("K")
V = TypeVar("V")


class Loaders:
    """Many keys in, one result a key, in key order; each names the `db` function that answers."""

    def __init__(self, pool: Pool) -> None:
        self.provenance_by_key: DataLoader[ProvenanceKey, Provenance] = _loader(pool, score.provenance_by_key)
        self.submission_by_key: DataLoader[Key, Submission | None] = _loader(pool, submission.by_key)
        self.first_ranked_revision_from: DataLoader[Key, int | None] = _loader(pool, ranking.first_revision_from)
        self.ranked_revision_before: DataLoader[Key, int | None] = _loader(pool, ranking.revision_before)
        self.audit_page: DataLoader[PageKey, AuditPage] = _loader(pool, audit.pages)
        self.field_changes_by_key: DataLoader[Key, list[FieldChange]] = _loader(pool, definition.changes_by_key)
        self.analysis_by_id: DataLoader[int, Analysis | None] = _loader(pool, uncertainty.by_id)
        self.newest_analysis: DataLoader[Key, Analysis | None] = _loader(pool, uncertainty.newest_finished)
        self.state_by_edition: DataLoader[int, State] = _loader(pool, edition.states_of)
        self.recomputation_by_edition: DataLoader[int, Recomputation | None] = _loader(pool, recomputation.by_edition)
        self.revision_by_edition: DataLoader[int, int] = _loader(pool, edition.revisions)


def _loader(pool: Pool, load: Callable[[Reader, list[K]], Awaitable[list[V]]]) -> "DataLoader[K, V]":
    return DataLoader(partial(load, pool), cache=False)
