-- Where each follower of the log stands. Whoever moves a checkpoint names the position and epoch it read: that fence,
-- in the transaction that writes what follows from the events, is what makes it exactly once. The lease only keeps
-- two processes from doing the same work: it is free when its time is up or its connection is gone.
create table checkpoints (
    name text primary key,
    position bigint not null,
    epoch bigint not null default 0,
    holder integer,
    leased_until timestamptz,
    moved_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- Streams that a follower could not go on with, from the event at `position` on; never a copy of an event. A request
-- is carried out by the follower itself.
create table parked_streams (
    follower text not null,
    category text not null,
    stream_id uuid not null,
    position bigint not null,
    revision bigint not null,
    error text not null,
    parked_at timestamptz not null default clock_timestamp(),
    request text check (request in ('retry', 'skip')),
    primary key (follower, category, stream_id)
);
