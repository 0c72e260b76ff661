-- the score that normalisation gives to the worst city, above which a geometric mean is more than 0
-- depends: 0013_correction

-- migrate: apply

alter table edition add column lowest double precision not null default 0 check (lowest between 0 and 99);

-- migrate: rollback

alter table edition drop column lowest;
