-- computed rankings, and the row that asks for one
-- depends: 0001_index

-- migrate: apply

create table ranking (
    edition integer not null references edition,
    revision integer not null,
    computed_at timestamptz not null,
    input_hash text not null,
    framework jsonb not null,
    cities text[] not null,
    primary key (edition, revision)
);

-- every array has one element a city, in the order of ranking.cities; null means missing.
-- position 0 is the code 'overall', position 1 + i the framework's measure i.
create table ranking_column (
    edition integer not null,
    revision integer not null,
    position integer not null,
    code text not null,
    value double precision[] not null,
    status smallint[] not null,
    score double precision[] not null,
    rank integer[] not null,
    share double precision[] not null,
    estimated_share double precision[] not null,
    previous_score double precision[],
    previous_rank integer[],
    is_top_n boolean[],
    is_first_top_n boolean[],
    is_hidden_champion boolean[],
    points_to_next_rank double precision[],
    primary key (edition, revision, position),
    foreign key (edition, revision) references ranking on delete cascade
);

create table outbox (
    id bigint generated always as identity primary key,
    edition integer not null,
    trace_id text,
    appended_at timestamptz not null default now()
);

-- migrate: rollback
