//! Going together: crews, trip ideas and trip bookings.
