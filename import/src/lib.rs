//! Bringing in what others publish: readers of the forms that organisers use, the gazetteer that addresses are matched
//! with, the intake into the catalogue, and the demo.
//!
//! A reader makes announcements of a file's records; the intake matches them with cities, venues and performers and
//! puts them. What a terminal shows of it is the program's.

mod address;
mod announcement;
mod areas;
mod calendar;
mod demo;
mod fault;
mod flat;
mod geonames;
mod ids;
mod input;
mod intake;
mod json;
mod json_ld;
mod matching;
mod places;
mod reading;
mod report;
mod table;
mod text;
mod when;
mod zones;

pub use address::named_city;
pub use announcement::Spot;
pub use demo::{demo_sources, load_demo, repair_demo};
pub use fault::Fault;
pub use geonames::GeoNames;
pub use input::Input;
pub use intake::Intake;
pub use matching::{Matching, Source};
pub use reading::Format;
pub use report::{Report, Summary};
pub use zones::zone;
