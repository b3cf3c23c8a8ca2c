-- One row per idempotency key of an actor, kept 24 h. `request` is the hash of operation and body, `streams` the revision
-- that each stream had before the command was first decided on it, `ids` the entity ids allotted to the request.
create table idempotency (
    actor uuid not null,
    key text not null,
    request bytea not null,
    command_id uuid not null,
    streams jsonb not null default '{}',
    ids jsonb not null default '{}',
    created_at timestamptz not null default now(),
    primary key (actor, key)
);

create index idempotency_created_at on idempotency (created_at);
