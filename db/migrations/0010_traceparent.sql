-- the span of the change that asked for a ranking, as W3C Trace Context spells it; null where nothing is traced
-- depends: 0009_heartbeat

-- migrate: apply

alter table outbox add column traceparent text;

-- migrate: rollback

alter table outbox drop column traceparent;
