-- the index: cities, editions, frameworks, recorded scores and their audit, published facts
-- depends:

-- migrate: apply

create type value_status as enum ('recorded', 'published', 'rounded', 'estimated');

create table city (
    id integer generated always as identity primary key,
    slug text not null unique,
    name text not null,
    state text not null,
    population integer,
    population_date date
);

create table edition (
    year integer primary key,
    revision integer not null default 0,
    normalisation text not null,
    aggregation text not null,
    top_n integer not null,
    hidden_champion_category_top_n integer not null,
    hidden_champion_overall_rank_worse_than integer not null,
    min_population integer not null
);

create table member (
    edition integer not null references edition,
    city_id integer not null references city,
    population integer,
    primary key (edition, city_id)
);

create table measure (
    id integer generated always as identity primary key,
    edition integer not null references edition,
    code text not null,
    position integer not null,
    level text not null,
    parent text,
    name_de text not null,
    name_en text not null,
    weight double precision not null,
    direction text not null,
    unit text,
    maximum double precision not null,
    normalisation text,
    unique (edition, code)
);

-- one row for each accepted change of an edition; the revision is the one that it made
create table submission (
    edition integer not null references edition,
    revision integer not null,
    submitted_at timestamptz not null default now(),
    submitted_by text not null,
    source text,
    change_count integer not null,
    idempotency_key text,
    content_hash text not null,
    primary key (edition, revision),
    constraint submission_idempotency unique (submitted_by, idempotency_key)
);

create table score (
    measure_id integer not null references measure,
    city_id integer not null references city,
    value double precision not null,
    status value_status not null,
    source text,
    primary key (measure_id, city_id)
);

-- the audit: what each submission changed; a null value means "not recorded"
create table score_change (
    measure_id integer not null references measure,
    city_id integer not null references city,
    edition integer not null,
    revision integer not null,
    old_value double precision,
    old_status value_status,
    new_value double precision,
    new_status value_status,
    source text,
    primary key (measure_id, city_id, revision),
    foreign key (edition, revision) references submission deferrable initially deferred
);

create index score_change_submission on score_change (edition, revision);

-- what the publisher printed; a null measure means overall
create table published (
    edition integer not null references edition,
    city_id integer not null references city,
    measure_id integer references measure,
    score double precision,
    rank integer,
    tendency integer,
    source text not null,
    unique nulls not distinct (edition, city_id, measure_id)
);

-- one row for each load that changed something; the newest id tells a process that its catalogue is old
create table dataset_load (
    id integer generated always as identity primary key,
    loaded_at timestamptz not null default now()
);

-- migrate: rollback
