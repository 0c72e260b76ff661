"""Computes one uncertainty analysis: the ranking's inputs read again, the draws, their spread."""

import numpy as np

from db import telemetry
from db.composite.uncertainty import draw_ranks, spread
from db.index import edition
from db.postgres.pool import Pool, transaction
from db.ranking import inputs, ranking, uncertainty

log = telemetry.logger(__name__)


async def analyse(pool: Pool, id_: int) -> None:
    """Compute the analysis unless it is over or another worker computes it."""
    async with uncertainty.attempt(pool, id_) as analysis:
        if analysis is None:
            return
        async with transaction(pool, "repeatable_read") as reader:
            [ranked] = await ranking.by_key(reader, [(analysis.edition, analysis.revision)])
            assert ranked is not None, "an analysis goes with its ranking"
            rested_on = ranked.basis or inputs.newest_basis(await edition.states(reader), analysis.edition)
            given = await inputs.read_again(reader, analysis.edition, analysis.revision, rested_on)
        drawn = []
        done = 0
        for ranks in draw_ranks(given.framework, given.values, analysis.perturbation):
            drawn.append(ranks)
            done += len(ranks)
            await uncertainty.tell_progress(pool, id_, done / analysis.draws)
        place = {city: column for column, city in enumerate(given.cities)}
        order = np.array([place[city] for city in ranked.cities], dtype=np.intp)
        await uncertainty.finish(pool, id_, spread(given.framework, np.concatenate(drawn)), order)
    log.info("uncertainty analysed", analysis=id_, revision=analysis.revision, draws=analysis.draws)
