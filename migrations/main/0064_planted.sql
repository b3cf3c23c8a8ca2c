-- What a program has put into the log when it started, in which form: it need not look at each of it again.
create table planted (
    what   text primary key,
    digest uuid not null
);
