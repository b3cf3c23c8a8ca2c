-- Who named which city and performer today: whoever names one again on the same day counts no more for it. Of the
-- follower `tallies`, as the tables of 0060 are, and swept by it when the day after is over. Namings that were counted
-- before are not in it: `caravan rebuild tallies` counts all anew by the same rule.
create table tally_naming (
    -- UTC.
    day date not null,
    kind text not null check (kind in ('city', 'performer')),
    id uuid not null,
    -- An account.
    person uuid not null,
    -- Of the event that counted.
    position bigint not null,
    primary key (day, kind, id, person)
);
