-- In which crews and bookings somebody is: whom they may invite by id, and what passes on when they are forgotten.
create index crew_members_of on crew_members (person);
create index booking_members_of on booking_members (person);
