-- Partial and misspelt words.
create extension if not exists pg_trgm;

-- Which table is behind the view of each kind's documents: doc_<name>_v<version>.
create table read_model (
    name         text primary key,
    version      int not null,
    -- Of the states in the table; another one than the program's means: rebuild.
    fold_version int not null
);

-- Events that documents were folded without, because an operator had the follower skip them: a rebuild leaves them out,
-- too.
create table passed_event (
    category  text not null,
    stream_id uuid not null,
    revision  bigint not null,
    primary key (category, stream_id, revision)
);
