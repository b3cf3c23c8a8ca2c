//! A point on the earth.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// Degrees north and east (WGS 84), to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Place {
    #[garde(range(min = -90.0, max = 90.0))]
    pub lat: f64,
    #[garde(range(min = -180.0, max = 180.0))]
    pub lon: f64,
}

impl Place {
    /// Refuses what is no point on the earth, and 0°, 0°, which stands for a missing one in published data.
    pub fn new(lat: f64, lon: f64) -> Result<Place, Rejection> {
        // Rounded, so that a place is equal to itself after any number of trips through JSON.
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6;
        let place = Place { lat: round(lat), lon: round(lon) };
        if place.validate().is_err() || !lat.is_finite() || !lon.is_finite() || (place.lat, place.lon) == (0.0, 0.0) {
            return Err(Rejection::invalid("no-place-on-earth", "place", format!("{lat}, {lon} is no place on earth")));
        }
        Ok(place)
    }

    /// Kilometres along the earth's surface.
    pub fn distance(&self, other: &Place) -> f64 {
        let (lat, other_lat) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = (other_lat - lat) / 2.0;
        let half_lon = (other.lon - self.lon).to_radians() / 2.0;
        let haversine = half_lat.sin().powi(2) + lat.cos() * other_lat.cos() * half_lon.sin().powi(2);
        2.0 * 6371.0 * haversine.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_kilometres() {
        let toronto = Place::new(43.70643, -79.39864).unwrap();
        let montreal = Place::new(45.50884, -73.58781).unwrap();
        assert!((toronto.distance(&montreal) - 503.0).abs() < 5.0);
        assert_eq!(toronto.distance(&toronto), 0.0);
    }

    #[test]
    fn nowhere_is_no_place() {
        for (lat, lon) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 1.0), (0.0, 0.0), (1.0, f64::INFINITY)] {
            assert_eq!(Place::new(lat, lon).unwrap_err().rule, "no-place-on-earth", "{lat}, {lon}");
        }
    }
}
