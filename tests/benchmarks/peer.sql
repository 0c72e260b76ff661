-- The newest ranking once more, as somebody would design tables for it, in the schema `peer`.
-- Its primary keys are in the order of the answer, so that nothing is sorted. The comments give PostGraphile the
-- names of our schema.

create schema peer;

create table peer.city (slug text primary key, name text not null);
create table peer.category (code text primary key);
create table peer.indicator (code text primary key);

create table peer.entry (
    id integer primary key,
    city_slug text not null unique constraint entry_city references peer.city,
    score double precision not null,
    rank integer not null
);

create table peer.category_result (
    id integer primary key,
    entry_id integer not null constraint category_result_entry references peer.entry,
    category_code text not null constraint category_result_category references peer.category,
    score double precision,
    rank integer,
    unique (entry_id, category_code)
);
create index on peer.category_result (category_code);

create table peer.indicator_result (
    id integer primary key,
    category_result_id integer not null constraint indicator_result_category_result references peer.category_result,
    indicator_code text not null constraint indicator_result_indicator references peer.indicator,
    score double precision,
    rank integer,
    unique (category_result_id, indicator_code)
);
create index on peer.indicator_result (indicator_code);

comment on constraint entry_city on peer.entry is E'@fieldName city\n@foreignSingleFieldName result';
comment on constraint category_result_entry on peer.category_result is '@foreignSimpleFieldName categories';
comment on constraint category_result_category on peer.category_result is '@fieldName category';
comment on constraint indicator_result_category_result on peer.indicator_result is '@foreignSimpleFieldName indicators';
comment on constraint indicator_result_indicator on peer.indicator_result is '@fieldName indicator';

create temporary view newest as
select c.*, r.cities
from (select edition, revision, cities from ranking order by edition desc, revision desc limit 1) r
join column_of_ranking c using (edition, revision);

create temporary table place as
select each.number, row_number() over (order by each.rank, each.number) as entry_id
from newest n
cross join unnest(n.rank) with ordinality as each (rank, number)
where n.position = 0 and each.rank is not null;

create temporary table result as
select n.position, n.code, m.level, m.parent, p.entry_id, each.slug, each.score, each.rank
from newest n
left join measure m on m.edition = n.edition and m.code = n.code
cross join unnest(n.cities, n.score, n.rank) with ordinality as each (slug, score, rank, number)
join place p using (number);

insert into peer.city select slug, name from city;
insert into peer.category select distinct code from result where level = 'category';
insert into peer.indicator select distinct code from result where level = 'indicator';

insert into peer.entry
select entry_id, slug, score, rank from result where code = 'overall' order by entry_id;

insert into peer.category_result
select row_number() over (order by entry_id, position), entry_id, code, score, rank
from result where level = 'category';

insert into peer.indicator_result
select row_number() over (order by r.entry_id, r.position), above.id, r.code, r.score, r.rank
from result r
join peer.category_result above on above.entry_id = r.entry_id and above.category_code = r.parent
where r.level = 'indicator';

analyze peer.city, peer.category, peer.indicator, peer.entry, peer.category_result, peer.indicator_result;
