-- The trips that are suggested to crews, as of the checkpoint of `moved-trips`: a booking on such days is made of one.
create table suggested_trips (
    idea uuid primary key,
    crew uuid not null,
    city uuid not null,
    start_date date not null,
    end_date date not null
);

create index suggested_trips_of on suggested_trips (crew, city);
