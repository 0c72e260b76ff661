-- what rankings rest on beside the scores, closed editions, uncertainty analyses
-- depends: 0002_ranking

-- migrate: apply

alter table edition add column closed_at timestamptz, add column closed_by text;

-- the audit of all that a ranking depends on but scores: the framework, cities and printed facts of an edition,
-- one row for each time that they changed, holding from that revision on
create table definition (
    id integer generated always as identity primary key,
    edition integer not null references edition,
    revision integer not null,
    recorded_at timestamptz not null default now(),
    framework jsonb not null,
    cities text[] not null,
    populations integer[] not null,
    published jsonb not null
);

create index definition_edition on definition (edition, revision, id);

insert into definition (edition, revision, framework, cities, populations, published)
select e.year, e.revision,
       jsonb_build_object(
           'methodology', jsonb_build_object(
               'normalisation', e.normalisation, 'aggregation', e.aggregation, 'top_n', e.top_n,
               'hidden_champion_category_top_n', e.hidden_champion_category_top_n,
               'hidden_champion_overall_rank_worse_than', e.hidden_champion_overall_rank_worse_than,
               'min_population', e.min_population),
           'measures', coalesce((
               select jsonb_agg(jsonb_build_object(
                   'code', m.code, 'level', m.level, 'parent', m.parent, 'name_de', m.name_de,
                   'name_en', m.name_en, 'weight', m.weight, 'direction', m.direction, 'unit', m.unit,
                   'maximum', m.maximum, 'normalisation', m.normalisation) order by m.position)
               from measure m where m.edition = e.year), '[]')),
       array(select c.slug from member m join city c on c.id = m.city_id where m.edition = e.year order by c.slug),
       array(select m.population from member m join city c on c.id = m.city_id where m.edition = e.year
             order by c.slug),
       coalesce((
           select jsonb_agg(jsonb_build_array(c.slug, m.code, p.score, p.rank, p.tendency, p.source)
                            order by c.slug, m.position nulls first)
           from published p join city c on c.id = p.city_id left join measure m on m.id = p.measure_id
           where p.edition = e.year), '[]')
from edition e
order by e.year;

-- the definitions and earlier rankings that it was computed from; null before this migration
alter table ranking add column basis jsonb;

create table uncertainty (
    id integer generated always as identity primary key,
    edition integer not null,
    revision integer not null,
    draws integer not null,
    seed integer not null,
    weight_noise double precision not null,
    vary_aggregation boolean not null,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    attempts integer not null default 0,
    progress double precision not null default 0,
    finished_at timestamptz,
    error text,
    -- one element a ranked city, in the order of ranking.cities
    median double precision[],
    low double precision[],
    high double precision[],
    top_n_share double precision[],
    unique (edition, revision, draws, seed, weight_noise, vary_aggregation),
    foreign key (edition, revision) references ranking on delete cascade
);

create index score_change_city on score_change (city_id);

-- null asks for the edition's ranking
alter table outbox add column uncertainty integer;

-- migrate: rollback
