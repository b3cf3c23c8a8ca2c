-- One request may take many places of a limit: a question about so many phone numbers.
alter table attempt add column places integer not null default 1;

-- Takes places under several keys, all or none, or says after how many seconds there will be room. Callers of one key take
-- turns: the count is a statement after the lock, so that it sees what the one before inserted. What a clock that has gone
-- back since noted for the future does not count.
create function take_places(
    keys text[], wanted integer[], most integer[], seconds double precision[], out taken bigint[], out retry_after double precision
) language plpgsql as $$
declare
    moment timestamptz;
    since timestamptz;
    held bigint;
    frees timestamptz;
begin
    -- In one order, so that two callers never wait for each other.
    perform pg_advisory_xact_lock(lock) from (select hashtextextended(key, 0) lock from unnest(keys) key order by 1) ordered;
    moment := clock_timestamp();
    for i in 1 .. cardinality(keys) loop
        since := moment - make_interval(secs => seconds[i]);
        select coalesce(sum(places), 0) into held
        from attempt where key = keys[i] and at > since and at <= moment;
        if held + wanted[i] > most[i] then
            select min(at) into frees from (
                select at, sum(places) over (order by at, id) gone
                from attempt where key = keys[i] and at > since and at <= moment
            ) passed where held - gone + wanted[i] <= most[i];
            retry_after := greatest(1, retry_after, extract(epoch from coalesce(frees, moment) - since));
        end if;
    end loop;
    if retry_after is null then
        with inserted as (
            insert into attempt (key, places, at)
            select key, place, moment from unnest(keys, wanted) as asked (key, place) returning id
        ) select array_agg(id) into taken from inserted;
    end if;
end
$$;
