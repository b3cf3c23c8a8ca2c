-- The revision at which a request found nothing to do on a stream: its repeats find nothing to do either.
alter table idempotency add column settled jsonb not null default '{}';
