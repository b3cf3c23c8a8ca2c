-- Failed logins and codes, and codes sent, each under a keyed hash of the account, address or contact.
create table attempt (
    id bigint generated always as identity primary key,
    key text not null,
    at timestamptz not null default clock_timestamp()
);

create index attempt_key_at on attempt (key, at);

-- Takes one of `most` places within `span`, or says after how many seconds one is free. Callers of one key take turns: the
-- count is a statement after the lock, so that it sees what the one before inserted.
create function take_attempt(attempt_key text, most integer, span interval, out taken bigint, out retry_after double precision)
language plpgsql as $$
declare
    oldest timestamptz;
    total bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(attempt_key, 0));
    select count(*), min(at) into total, oldest from attempt where key = attempt_key and at > clock_timestamp() - span;
    if total >= most then
        retry_after := greatest(1, extract(epoch from oldest + span - clock_timestamp()));
    else
        insert into attempt (key) values (attempt_key) returning id into taken;
    end if;
end
$$;
