-- a ranking stores the columns that differ from the one before, and names where the others are
-- depends: 0007_row

-- migrate: apply

-- by position, from 0: the revision of this edition that stored the column; null where it is the ranking's own for all.
-- The cities of a column are in the order of ranking.cities, which may have some that are not ranked.
alter table ranking add column column_revisions integer[];

-- a column may outlive the ranking that stored it
alter table ranking_column drop constraint ranking_column_edition_revision_fkey;

-- "offset 0" has each column looked up by its key: joined, all columns of the edition were read
create view column_of_ranking as
select r.edition, r.revision, (stored.number - 1)::integer as position, stored.revision as stored_revision,
       c.code, c.value, c.status, c.score, c.rank, c.share, c.estimated_share, c.previous_score, c.previous_rank,
       c.is_top_n, c.is_first_top_n, c.is_hidden_champion, c.points_to_next_rank
from ranking r
cross join lateral unnest(coalesce(r.column_revisions, array(
    select own.revision from ranking_column own where own.edition = r.edition and own.revision = r.revision
))) with ordinality as stored (revision, number)
cross join lateral (
    select * from ranking_column
    where edition = r.edition and revision = stored.revision and position = stored.number - 1
    offset 0
) c;

-- migrate: rollback
