-- A process number alone may be somebody else's: in a copy of this database, or after it was given out again.
alter table checkpoints add column holder_database text, add column holder_started timestamptz;
