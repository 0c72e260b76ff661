-- what an editor submits may wait for an admin
-- depends: 0005_storage

-- migrate: apply

alter table edition add column review_required boolean not null default false;

-- the audit of that column
create table review_change (
    id integer generated always as identity primary key,
    edition integer not null references edition,
    review_required boolean not null,
    changed_by text not null,
    changed_at timestamptz not null default now()
);

-- one row for each call that waited; the revision is that of the submission that it became
create table proposal (
    id integer generated always as identity primary key,
    edition integer not null references edition,
    status text not null default 'pending' check (status in ('pending', 'accepted', 'rejected')),
    proposed_by text not null,
    proposed_at timestamptz not null default now(),
    source text,
    idempotency_key text,
    content_hash text not null,
    decided_by text,
    decided_at timestamptz,
    reason text,
    revision integer,
    constraint proposal_idempotency unique (proposed_by, idempotency_key),
    unique (edition, revision),
    foreign key (edition, revision) references submission,
    check ((status = 'pending') = (decided_at is null)),
    check ((status = 'accepted') = (revision is not null))
);

create index proposal_pending on proposal (proposed_by) where status = 'pending';

-- names and not ids: an edition may have changed before it is decided
create table proposal_score (
    proposal_id integer not null references proposal on delete cascade,
    position integer not null,
    city text not null,
    measure text not null,
    value double precision,
    source text,
    primary key (proposal_id, position)
);

-- migrate: rollback
