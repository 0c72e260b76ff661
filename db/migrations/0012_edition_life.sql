-- an edition is a draft until it is published, at once or at an instant
-- depends: 0011_installation

-- migrate: apply

-- What is there was public before; a draft is inserted with null.
alter table edition
    add column publish_at timestamptz,
    add column published_at timestamptz default now(),
    add constraint edition_published_once check (publish_at is null or published_at is null),
    add constraint edition_closed_after_publication check (closed_at is null or published_at is not null);

create index edition_publication on edition (publish_at) where publish_at is not null;

-- the audit of an edition's life; no reference to the edition, since a deleted draft keeps its rows
create table edition_event (
    id integer generated always as identity primary key,
    edition integer not null,
    kind text not null
        check (kind in ('created', 'scheduled', 'unscheduled', 'published', 'closed', 'reopened', 'deleted')),
    -- at which the edition stood
    revision integer not null,
    occurred_at timestamptz not null default now(),
    caused_by text not null,
    -- why, for readers
    reason text,
    -- the instant that it was scheduled for
    publish_at timestamptz,
    check ((kind = 'reopened') = (reason is not null))
);

create index edition_event_edition on edition_event (edition, id);

insert into edition_event (edition, kind, revision, occurred_at, caused_by)
select year, 'closed', revision, closed_at, closed_by from edition where closed_at is not null order by closed_at;

-- migrate: rollback

drop table edition_event;
alter table edition
    drop constraint edition_closed_after_publication,
    drop constraint edition_published_once,
    drop column published_at,
    drop column publish_at;
