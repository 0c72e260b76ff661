"""One loader an edge. They batch and never cache, so a long-lived connection cannot serve what is old."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property, partial
from typing import TypeVar

from strawberry.dataloader import DataLoader

from db.change import audit, correction, review, submission
from db.change.audit import AuditPage, PageKey
from db.change.correction import CorrectedValue, Correction
from db.change.review import StoredProposal
from db.change.score_proposal import ScoreChange
from db.change.submission import Submission
from db.index import definition, edition, score
from db.index.definition import FieldChange
from db.index.edition import EditionProgress
from db.index.score import Provenance, ProvenanceKey
from db.postgres.pool import Pool, Reader
from db.ranking import attempt, ranking, uncertainty
from db.ranking.attempt import RankingAttempts
from db.ranking.ranking import RankingKey
from db.ranking.uncertainty import Analysis

K = TypeVar("K")
V = TypeVar("V")


class Loaders:
    """Many keys in, one result a key, in key order; each names the `db` function that answers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @cached_property
    def provenance_by_key(self) -> DataLoader[ProvenanceKey, Provenance]:
        return _loader(self._pool, score.provenance_by_key)

    @cached_property
    def submission_by_key(self) -> DataLoader[RankingKey, Submission | None]:
        return _loader(self._pool, submission.by_key)

    @cached_property
    def corrections_by_edition(self) -> DataLoader[int, list[Correction]]:
        return _loader(self._pool, correction.by_edition)

    @cached_property
    def corrected_values_by_key(self) -> DataLoader[RankingKey, list[CorrectedValue]]:
        return _loader(self._pool, correction.values_by_key)

    @cached_property
    def proposal_by_id(self) -> DataLoader[int, StoredProposal | None]:
        return _loader(self._pool, review.by_id)

    @cached_property
    def proposal_by_submission(self) -> DataLoader[RankingKey, StoredProposal | None]:
        return _loader(self._pool, review.by_submission)

    @cached_property
    def scores_by_proposal(self) -> DataLoader[int, Sequence[ScoreChange]]:
        return _loader(self._pool, review.scores_by_id)

    @cached_property
    def first_ranked_revision_from(self) -> DataLoader[RankingKey, int | None]:
        return _loader(self._pool, ranking.first_revision_from)

    @cached_property
    def ranked_revision_before(self) -> DataLoader[RankingKey, int | None]:
        return _loader(self._pool, ranking.revision_before)

    @cached_property
    def audit_page(self) -> DataLoader[PageKey, AuditPage]:
        return _loader(self._pool, audit.pages)

    @cached_property
    def field_changes_by_key(self) -> DataLoader[RankingKey, list[FieldChange]]:
        return _loader(self._pool, definition.changes_by_key)

    @cached_property
    def analysis_by_id(self) -> DataLoader[int, Analysis | None]:
        return _loader(self._pool, uncertainty.by_id)

    @cached_property
    def newest_analysis(self) -> DataLoader[RankingKey, Analysis | None]:
        return _loader(self._pool, uncertainty.newest_finished)

    @cached_property
    def state_by_edition(self) -> DataLoader[int, EditionProgress]:
        return _loader(self._pool, edition.states_of)

    @cached_property
    def recomputation_by_edition(self) -> DataLoader[int, RankingAttempts | None]:
        return _loader(self._pool, attempt.by_edition)

    @cached_property
    def revision_by_edition(self) -> DataLoader[int, int]:
        return _loader(self._pool, edition.revisions)


def _loader(pool: Pool, load: Callable[[Reader, list[K]], Awaitable[list[V]]]) -> "DataLoader[K, V]":
    return DataLoader(partial(load, pool), cache=False)
