-- Opened personal text, folded, for partial match when search runs on Postgres. Forgetting a person empties it.
create table search_text (
    kind     text not null,
    id       uuid not null,
    -- Of the document that it was rendered from.
    position bigint not null,
    words    text not null,
    -- Whose values are in it.
    subjects uuid[] not null,
    primary key (kind, id)
);

create index on search_text using gin (array_to_tsvector(string_to_array(words, ' ')));
create index on search_text using gin (words gin_trgm_ops);
create index on search_text using gin (subjects);

-- What the texts of a kind were made of: another shape than the program's means that they are made anew.
create table search_text_shape (
    kind  text primary key,
    shape text not null
);
