-- figures as they are: Postgres took most of the time of storing a large ranking to find out that they do not compress
-- depends: 0004_recomputation

-- migrate: apply

alter table ranking_column
    alter column value set storage external,
    alter column score set storage external,
    alter column rank set storage external,
    alter column previous_score set storage external,
    alter column previous_rank set storage external,
    alter column points_to_next_rank set storage external;

-- migrate: rollback
