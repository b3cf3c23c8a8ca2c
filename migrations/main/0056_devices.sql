-- The device that a message goes to by push, by the number of its session: one that goes to several is a row for each.
alter table outgoing_messages add column device bigint;

-- Whether it goes another way than it was first counted for: its last device was gone.
alter table outgoing_messages add column rerouted boolean not null default false;
