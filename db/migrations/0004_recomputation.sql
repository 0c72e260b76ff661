-- what became of the attempts to rank an edition
-- depends: 0003_definition

-- migrate: apply

-- a row while an edition's newest revision could not be ranked; gone with the ranking
create table recomputation (
    edition integer primary key references edition,
    revision integer not null,
    attempts integer not null,
    attempted_at timestamptz not null default now(),
    error text
);

-- migrate: rollback
