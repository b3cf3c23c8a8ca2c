-- The last number allotted to entities of each kind; processes take them in blocks.
create table number_sequences (
    kind text primary key,
    last bigint not null check (last between 0 and 281474976710655)
);
