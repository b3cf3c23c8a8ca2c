-- The planner's statistics hold values of a column as they are: none of the keys, and away with those there are.
-- Changing the type, even to what it is, drops them.
alter table personal_keys alter column wrapped type bytea, alter column wrapped set statistics 0;
