-- Keys of the installation (id key, pepper), wrapped by the master key, made once.
create table secrets (
    name text primary key,
    wrapped bytea not null
);

-- One row per person: the key that opens their values, wrapped by the master key. A forgotten person's row stays as a
-- tombstone without a key, so that no new one can be made.
create table personal_keys (
    subject uuid primary key,
    wrapped bytea,
    forgotten_at timestamptz,
    check ((wrapped is null) = (forgotten_at is not null))
);

create index personal_keys_forgotten on personal_keys (forgotten_at) where forgotten_at is not null;

-- Subjects whose values belong to another person too: forgotten together with them.
create table links (
    subject uuid not null,
    person uuid not null,
    primary key (person, subject)
);
