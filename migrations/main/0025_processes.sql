-- What process managers keep. Personal values are never among it: messages are composed when they are sent.

-- Messages to send, and those that were: what the event at (category, stream_id, revision) demands for one person.
create table outgoing_messages (
    id uuid primary key,
    category text not null,
    stream_id uuid not null,
    revision bigint not null,
    recipient uuid not null,
    -- The purchase it tells of, if any: its number within the booking.
    purchase bigint,
    expires_at timestamptz not null,
    due_at timestamptz not null,
    attempts integer not null default 0,
    outcome text check (outcome in ('accepted', 'void', 'failed')),
    reason text,
    settled_at timestamptz
);

create index outgoing_messages_due on outgoing_messages (due_at) where outcome is null;

-- Purchases that the other members of the booking were told of: once each, however often they change.
create table announced_purchases (
    booking uuid not null,
    purchase bigint not null,
    primary key (booking, purchase)
);

-- The bookings of each crew, and who is in which, as of the checkpoint of departures. Whoever was replaced in a crew
-- stays here.
create table crew_bookings (
    booking uuid primary key,
    crew uuid not null
);

create index crew_bookings_of on crew_bookings (crew);

create table crew_members (
    crew uuid not null,
    person uuid not null,
    primary key (crew, person)
);

create table booking_members (
    booking uuid not null references crew_bookings,
    person uuid not null,
    primary key (booking, person)
);

-- People without an account, and the account that absorbed each.
create table temp_members (
    person uuid primary key,
    absorbed_into uuid
);

-- The streams that name a temp member.
create table temp_member_places (
    person uuid not null references temp_members on delete cascade,
    category text not null,
    stream_id uuid not null,
    primary key (person, category, stream_id)
);

-- What falls due; firing is a command that looks at the time itself.
create table deadlines (
    what text not null check (what in ('sign-up lapses', 'attempt is forgotten', 'person is forgotten')),
    subject uuid not null,
    stream_id uuid not null,
    due_at timestamptz not null,
    primary key (what, subject)
);

create index deadlines_due on deadlines (due_at);
