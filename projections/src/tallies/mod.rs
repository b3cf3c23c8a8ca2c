//! Tallies: numbers over many streams, in tables of their own. How many like a trip, and how often cities and
//! performers were named of late: by trip ideas, trip bookings and likes; and how pictures are voted on.
//!
//! A like names a region and days; the cities and performers that it counts for are those of the trip's events at that
//! moment. So the follower keeps of every event where and when it is and who performs, as of what it has read: the
//! documents may be ahead of it, and would be so in a rebuild.

mod apply;
mod facts;
mod follower;
mod liked;
mod pictures;
mod rebuild;
mod trending;
mod verify;

pub use follower::tallies_follower;
pub use liked::{AsOf, LikedTrip, RankedTrip};
pub use pictures::RankedPicture;
pub use rebuild::rebuild_tallies;
pub use trending::{TrendingCity, TrendingPerformer};
pub(crate) use verify::verify;

/// The follower's name, and that of the read model for `rebuild`.
pub const TALLIES: &str = "tallies";

/// Its tables.
const TABLES: &[Table] = &[
    Table {
        name: "tally_event",
        key: &["event"],
        id: "event",
        others: &["scheduled", "region", "city", "day", "starts_at", "performers", "category", "event_type"],
    },
    Table {
        name: "tally_trip",
        key: &["region", "first_day", "last_day"],
        id: "region",
        others: &["likes", "last_like_at", "position"],
    },
    Table {
        name: "tally_trip_change",
        key: &["position"],
        id: "region",
        others: &["region", "first_day", "last_day", "likes", "at"],
    },
    Table { name: "tally_trend", key: &["kind", "id"], id: "id", others: &["level"] },
    Table { name: "tally_picture", key: &["picture"], id: "picture", others: &["rank"] },
    Table { name: "tally_naming", key: &["day", "kind", "id", "person"], id: "id", others: &["position"] },
];

struct Table {
    name: &'static str,
    key: &'static [&'static str],
    /// The column that says what a row is about.
    id: &'static str,
    /// What it says besides the key.
    others: &'static [&'static str],
}
