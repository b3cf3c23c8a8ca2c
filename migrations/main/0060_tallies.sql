-- Numbers over many streams: how many like a trip, how often cities and performers were named of late. The follower
-- `tallies` keeps them; `caravan rebuild tallies` makes them anew and `caravan verify` compares them with the log.

-- Of each event of the catalogue, what the events of a trip and of a performer are found by.
create table tally_event (
    event uuid primary key,
    scheduled boolean not null,
    region uuid,
    city uuid,
    -- Where it takes place.
    day date not null,
    starts_at timestamptz not null,
    performers uuid[] not null,
    category text not null,
    event_type text not null
);

create index tally_event_of_region on tally_event (region, day, starts_at) where scheduled;
-- Without a list of what is pending, which each search would go through.
create index tally_event_of_performer on tally_event using gin (performers) with (fastupdate = off) where scheduled;

-- Every trip that anybody has ever liked.
create table tally_trip (
    region uuid not null,
    first_day date not null,
    last_day date not null,
    likes bigint not null,
    last_like_at timestamptz not null,
    -- Of the last like, or like taken back.
    position bigint not null,
    primary key (region, first_day, last_day)
);

create index tally_trip_ranked on tally_trip (likes desc, first_day, region, last_day);
create index tally_trip_changed on tally_trip (position);

-- The likes of the last day: what the number of a trip's likes was at a position is told by those after it.
create table tally_trip_change (
    position bigint primary key,
    region uuid not null,
    first_day date not null,
    last_day date not null,
    -- 1, or -1 of a like taken back.
    likes smallint not null,
    at timestamptz not null
);

create index tally_trip_change_at on tally_trip_change (at);

create table tally_trend (
    kind text not null check (kind in ('city', 'performer')),
    id uuid not null,
    -- `Trend` in domain/src/catalogue/trend.rs says what it is.
    level double precision not null,
    primary key (kind, id)
);

create index tally_trend_ranked on tally_trend (kind, level desc, id);
