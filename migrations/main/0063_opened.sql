-- Sealed texts of documents, opened, to be found by: a row for each that the kind declares, and one under `*` with all
-- that full-text search covers, folded. Forgetting a person empties those that hold values of theirs.
create table opened (
    kind     text not null,
    id       uuid not null,
    field    text not null,
    -- Of the document that it was rendered from.
    position bigint not null,
    -- As compared: in lower case, or folded; null where there is nothing.
    words    text collate "C",
    -- Whose values are in it.
    subjects uuid[] not null,
    primary key (kind, id, field)
    -- Room on each page: most often only the position is another, which no index has.
) with (fillfactor = 80);

-- A whole text can be longer than an entry of this index.
create index on opened (kind, field, words) where field <> '*';
create index on opened using gin (words gin_trgm_ops);
create index opened_lexemes on opened using gin (array_to_tsvector(string_to_array(words, ' '))) where field = '*';
create index on opened using gin (subjects);

-- The planner's statistics would hold words of persons who are forgotten.
alter table opened alter column words set statistics 0;
alter index opened_lexemes alter column 1 set statistics 0;

-- What the rows of a kind were made of: another shape than the program's means that they are made anew.
create table opened_shape (
    kind  text primary key,
    shape text not null
);

-- They stand in place of `search_text` and `search_text_shape`, which no kind had texts in and the program before still
-- looks into; the next migration may drop those.
