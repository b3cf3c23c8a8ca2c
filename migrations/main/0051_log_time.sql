-- The time of an event: the machine's, and as far ahead as the connection says that its process's clock is (CARAVAN_CLOCK).
create function log_time() returns timestamptz language sql as $$
    select clock_timestamp()
           + coalesce(nullif(current_setting('caravan.ahead_ms', true), '')::bigint, 0) * interval '1 millisecond'
$$;

-- The functions as they were, but for the time.

-- Appends one event: the path for an append on its own. `expected` is the stream's last revision, -1 for a stream
-- without events, -2 for any. Answers {revision, position}; {actual revision, null} when the stream is elsewhere.
create or replace function append_event(
    to_stream uuid, to_category text, expected bigint,
    new_id uuid, new_type text, new_version smallint, new_data text, new_metadata text
) returns bigint[] language plpgsql as $$
declare
    last bigint;
    actual bigint;
    before bigint[];
begin
    perform lock_log();
    select coalesce((select e.position from events e order by e.position desc limit 1), 0),
           coalesce((select e.revision from events e where e.stream_id = to_stream and e.category = to_category
                     order by e.revision desc limit 1), -1)
    into last, actual;
    if expected <> actual then
        before := append_stored_before(to_stream, to_category, expected, array[new_id]);
        if before is not null then
            return before;
        elsif expected <> -2 then
            return array[actual, null];
        end if;
    end if;
    insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
    values (last + 1, actual + 1, log_time(), to_stream, new_id, new_version, to_category, new_type, new_data::json,
            new_metadata::json);
    perform pg_notify('events', (last + 1)::text);
    return array[actual + 1, last + 1];
end
$$;

-- Appends a batch: each append all or nothing, whatever becomes of its neighbours. Streams, categories, expected
-- revisions and event counts stand one per append, no stream twice; the rest one per event: the number of its append
-- and its place in it (from 1), in order. Answers one row per append, in order, as append_event does.
create or replace function append_events(
    streams uuid[], categories text[], expected bigint[], counts bigint[],
    appends bigint[], places bigint[], ids uuid[], types text[], versions smallint[], datas text[], metadatas text[]
) returns table (answer_revision bigint, answer_position bigint) language plpgsql as $$
declare
    last bigint;
    new_last bigint;
    moment timestamptz;
begin
    perform lock_log();
    moment := log_time();
    select coalesce((select e.position from events e order by e.position desc limit 1), 0) into last;
    return query
    with found as materialized (
        select a.*, coalesce((select e.revision from events e
                              where e.stream_id = a.stream and e.category = a.category
                              order by e.revision desc limit 1), -1) as actual
        from unnest(streams, categories, append_events.expected, counts)
             with ordinality a (stream, category, expected, count, n)
    ), checked as materialized (
        select f.*, case when f.expected <> f.actual then
                   append_stored_before(f.stream, f.category, f.expected,
                       array(select e.id from unnest(appends, ids) with ordinality e (append, id, k)
                             where e.append = f.n order by e.k)) end as before
        from found f
    ), decided as materialized (
        select c.*, c.expected = c.actual or (c.expected = -2 and c.before is null) as accepted
        from checked c
    ), placed as materialized (
        select d.*, last + coalesce(sum(d.count) filter (where d.accepted) over (order by d.n), 0)::bigint as up_to
        from decided d
    ), inserted as (
        insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
        select p.up_to - p.count + e.place, p.actual + e.place, moment, p.stream, e.id, e.version, p.category,
               e.type, e.data::json, e.metadata::json
        from unnest(appends, places, ids, types, versions, datas, metadatas)
             as e (append, place, id, type, version, data, metadata)
        join placed p on p.n = e.append
        where p.accepted
    )
    select case when p.accepted then p.actual + p.count else coalesce(p.before[1], p.actual) end,
           case when p.accepted then p.up_to else p.before[2] end
    from placed p
    order by p.n;
    select e.position from events e order by e.position desc limit 1 into new_last;
    if new_last > last then
        perform pg_notify('events', new_last::text);
    end if;
end
$$;

-- Appends events whose stream is known to have the revision before each, or which are a stream's first: the path for
-- batches without surprises, which looks nothing up. One entry of each array per event, in order. Answers the position
-- before the first; null if one of the revisions is taken: then nothing is stored, and append_events tells why.
create or replace function append_known(
    streams uuid[], categories text[], revisions bigint[], ids uuid[], types text[], versions smallint[], datas text[],
    metadatas text[]
) returns bigint language plpgsql as $$
declare
    last bigint;
    moment timestamptz;
begin
    perform lock_log();
    moment := log_time();
    select coalesce((select e.position from events e order by e.position desc limit 1), 0) into last;
    insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
    select last + e.place, e.revision, moment, e.stream, e.id, e.version, e.category, e.type, e.data::json,
           e.metadata::json
    from unnest(streams, categories, revisions, ids, types, versions, datas, metadatas)
         with ordinality e (stream, category, revision, id, type, version, data, metadata, place);
    perform pg_notify('events', (last + cardinality(ids))::text);
    return last;
exception when unique_violation then
    return null;
end
$$;
