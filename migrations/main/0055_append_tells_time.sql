-- An append tells the time that its events have, too, so that nobody has to read them for it.
-- append_events and append_known stay for programs that run beside this one; a contract step takes them away.

-- Microseconds since 1970.
create function micros(moment timestamptz) returns bigint language sql stable parallel safe as $$
    select (extract(epoch from moment) * 1000000)::bigint
$$;

-- What an append led to when it was stored before, as {revision, position, time} of its last event; null if it was not.
-- `expected` is the revision before its first event, or -2 for anywhere in the stream.
create or replace function append_stored_before(of_stream uuid, of_category text, expected bigint, ids uuid[])
returns bigint[] language sql stable as $$
    select array[max(e.revision), max(e.position), micros((array_agg(e.time order by e.revision desc))[1])]
    from events e,
         (select case when expected <> -2 then expected + 1 else
                  (select f.revision from events f
                   where f.stream_id = of_stream and f.category = of_category and f.id = ids[1]) end as revision) first
    where e.stream_id = of_stream and e.category = of_category
      and e.revision >= first.revision and e.revision < first.revision + cardinality(ids)
    having array_agg(e.id order by e.revision) = ids
$$;

-- Appends one event: the path for an append on its own. `expected` is the stream's last revision, -1 for a stream
-- without events, -2 for any. Answers {revision, position, time}; {actual revision, null} when the stream is elsewhere.
create or replace function append_event(
    to_stream uuid, to_category text, expected bigint,
    new_id uuid, new_type text, new_version smallint, new_data text, new_metadata text
) returns bigint[] language plpgsql as $$
declare
    last bigint;
    actual bigint;
    before bigint[];
    moment timestamptz;
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
    moment := log_time();
    insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
    values (last + 1, actual + 1, moment, to_stream, new_id, new_version, to_category, new_type, new_data::json,
            new_metadata::json);
    perform pg_notify('events', (last + 1)::text);
    return array[actual + 1, last + 1, micros(moment)];
end
$$;

-- Appends a batch: each append all or nothing, whatever becomes of its neighbours. Streams, categories, expected
-- revisions and event counts stand one per append, no stream twice; the rest one per event: the number of its append
-- and its place in it (from 1), in order. Answers one row per append, in order, as append_event does.
create function append_batch(
    streams uuid[], categories text[], expected bigint[], counts bigint[],
    appends bigint[], places bigint[], ids uuid[], types text[], versions smallint[], datas text[], metadatas text[]
) returns table (answer_revision bigint, answer_position bigint, answer_time bigint) language plpgsql as $$
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
        from unnest(streams, categories, append_batch.expected, counts)
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
           case when p.accepted then p.up_to else p.before[2] end,
           case when p.accepted then micros(moment) else p.before[3] end
    from placed p
    order by p.n;
    select e.position from events e order by e.position desc limit 1 into new_last;
    if new_last > last then
        perform pg_notify('events', new_last::text);
    end if;
end
$$;

-- Appends events whose stream is known to have the revision before each, or which are a stream's first: the path for
-- batches without surprises, which looks nothing up. One entry of each array per event, in order. Answers {position
-- before the first, time}; null if one of the revisions is taken: then nothing is stored, and append_batch tells why.
create function append_known_batch(
    streams uuid[], categories text[], revisions bigint[], ids uuid[], types text[], versions smallint[], datas text[],
    metadatas text[]
) returns bigint[] language plpgsql as $$
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
    return array[last, micros(moment)];
exception when unique_violation then
    return null;
end
$$;
