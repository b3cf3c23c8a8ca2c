-- Appends events whose stream is known to have the revision before each, or which are a stream's first: the path for
-- batches without surprises, which looks nothing up. One entry of each array per event, in order. Answers the position
-- before the first; null if one of the revisions is taken: then nothing is stored, and append_events tells why.
create function append_known(
    streams uuid[], categories text[], revisions bigint[], ids uuid[], types text[], versions smallint[], datas jsonb[],
    metadatas jsonb[]
) returns bigint language plpgsql as $$
declare
    last bigint;
begin
    perform lock_log();
    select coalesce((select e.position from events e order by e.position desc limit 1), 0) into last;
    insert into events (position, revision, time, stream_id, id, schema_version, category, event_type, data, metadata)
    select last + e.place, e.revision, clock_timestamp(), e.stream, e.id, e.version, e.category, e.type, e.data, e.metadata
    from unnest(streams, categories, revisions, ids, types, versions, datas, metadatas)
         with ordinality e (stream, category, revision, id, type, version, data, metadata, place);
    perform pg_notify('events', (last + cardinality(ids))::text);
    return last;
exception when unique_violation then
    return null;
end
$$;
