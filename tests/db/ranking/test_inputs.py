"""What a ranking is computed from: nothing of cities that are not in the edition, and only what can be compared."""

from pathlib import Path

import numpy as np

from db.dataset import dataset, load
from db.index import score
from db.postgres.pool import Pool, transaction
from db.ranking import inputs
from tests.conftest import Recompute

CSV = {
    "edition.csv": """year,normalisation,aggregation,top_n,hidden_champion_category_top_n,\
hidden_champion_overall_rank_worse_than,min_population
3000,none,arithmetic_mean,1,1,1,0
3001,none,arithmetic_mean,1,1,1,0
""",
    "city.csv": "slug,name,state\naa,Aa,Bayern\nbb,Bb,Bayern\n",
    "member.csv": "edition,city,population\n3000,aa,\n3000,bb,\n3001,aa,\n3001,bb,\n",
    "framework.csv": """edition,code,level,parent,name_de,name_en,weight,direction,unit
3000,energy,category,,E,E,1,higher_is_better,
3000,traffic,indicator,energy,T,T,1,higher_is_better,
3001,energy,category,,E,E,1,higher_is_better,
3001,traffic,category,,T,T,1,higher_is_better,
""",
    "score.csv": """edition,city,measure,value,source
3000,aa,traffic,10,s
3000,bb,traffic,20,s
3001,aa,traffic,10,s
3001,bb,traffic,20,s
3001,bb,energy,20,s
""",
}


async def test_an_indicator_that_became_a_category_has_no_rank_before(
    pool: Pool, recompute: Recompute, tmp_path: Path
) -> None:
    for name, text in CSV.items():
        (tmp_path / name).write_text(text)
    await load.load(pool, dataset.read(tmp_path))
    await recompute()
    async with transaction(pool, "repeatable_read") as reader:
        found = await inputs.read(reader, 3001, 1)
    assert found.basis.rankings[3000] == 1
    assert found.previous_rank.tolist() == [[2, 1], [2, 1], [0, 0]]
    assert found.ever_top_n.tolist() == [[False, True], [False, True], [False, False]]


async def test_the_values_of_a_city_that_is_not_asked_for_are_nobody_elses(pool: Pool) -> None:
    measures, members = await score.measure_ids(pool, 2025), await score.member_ids(pool, 2025)
    values, statuses = await score.matrix(pool, 2025, measures, members)
    for slug in (min(members), "krefeld", max(members)):
        others = {city: id_ for city, id_ in members.items() if city != slug}
        stays = [city != slug for city in members]
        for as_of in (None, 1):
            some, some_statuses = await score.matrix(pool, 2025, measures, others, as_of)
            np.testing.assert_array_equal(some, values[:, stays])
            np.testing.assert_array_equal(some_statuses, statuses[:, stays])
    nothing, _ = await score.matrix(pool, 2025, measures, {})
    assert nothing.shape == (len(measures), 0)
