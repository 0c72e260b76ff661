-- when each worker and each relay last did its work: a worker its canary task, a relay one turn
-- depends: 0008_sharing

-- migrate: apply

create table heartbeat (
    role text not null check (role in ('worker', 'relay')),
    host text not null,
    beat_at timestamptz not null default now(),
    primary key (role, host)
);

-- migrate: rollback

drop table heartbeat;
