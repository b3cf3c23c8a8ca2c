-- From where accounts signed in, as keyed hashes of account and address, so that others' failures keep nobody out there.
create table home (
    account uuid not null,
    place text not null,
    signed_in_at timestamptz not null default clock_timestamp(),
    primary key (account, place)
);

create index home_signed_in_at on home (signed_in_at);
