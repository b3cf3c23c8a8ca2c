-- When each account's next invitation would go out if they went one a second: what the first 25 are ahead of.
create table invitation_pace (
    account uuid primary key,
    next_at timestamptz not null
);

-- A notice beyond a limit is dropped.
alter table outgoing_messages drop constraint outgoing_messages_outcome_check;
alter table outgoing_messages add constraint outgoing_messages_outcome_check
    check (outcome in ('accepted', 'void', 'failed', 'dropped'));
