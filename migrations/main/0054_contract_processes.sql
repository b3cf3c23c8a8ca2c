-- What nothing reads any more: no program older than 0050 runs beside this one. Which outcomes a message has, the
-- program knows.
drop table deadlines;
alter table outgoing_messages drop column purchase;
alter table outgoing_messages drop constraint outgoing_messages_outcome_check;
