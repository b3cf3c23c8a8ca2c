-- Codes are of use for minutes, invitations for days: what expires first is sent first.
create index outgoing_messages_soonest on outgoing_messages (expires_at, due_at) where outcome is null;
