-- the epoch of this database, another one after each restore: what was kept before is then not taken for what is here
-- depends: 0010_traceparent

-- migrate: apply

create table installation (
    is_only boolean primary key default true check (is_only),
    epoch uuid not null default gen_random_uuid()
);

insert into installation default values;

-- migrate: rollback

drop table installation;
