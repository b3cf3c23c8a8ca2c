-- How pictures are voted on: votes for each without those against it. A picture without a row has none.
create table tally_picture (
    picture uuid primary key,
    rank bigint not null
);
