//! What sort of event it is.

use serde::{Deserialize, Serialize};

use crate::Rejection;
use crate::catalogue::names;
use crate::text::bounded;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// From broad to narrow, separated by `/`: `Sports/Motorsport/Formula 1`.
    pub category: String,
    pub event_type: EventType,
}

/// The broad sorts that people choose among.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    Sports,
    Concerts,
    Theater,
    Festivals,
    Conferences,
    Exhibitions,
    Other,
}

impl EventType {
    pub fn name(self) -> &'static str {
        match self {
            EventType::Sports => "sports",
            EventType::Concerts => "concerts",
            EventType::Theater => "theater",
            EventType::Festivals => "festivals",
            EventType::Conferences => "conferences",
            EventType::Exhibitions => "exhibitions",
            EventType::Other => "other",
        }
    }
}

impl Category {
    /// From a path whose first element that says a sort decides it.
    pub fn from_path(path: &str) -> Category {
        let elements: Vec<&str> = path.split('/').map(str::trim).filter(|element| !element.is_empty()).collect();
        let event_type = elements.iter().find_map(|element| sort_of(element)).unwrap_or(EventType::Other);
        let category = if elements.is_empty() { label(event_type).to_owned() } else { elements.join("/") };
        Category { category, event_type }
    }

    /// From words that describe it, in no order: the first that says a sort decides it and becomes the path.
    pub fn from_words<'w>(words: impl IntoIterator<Item = &'w str>) -> Category {
        let words: Vec<&str> = words.into_iter().map(str::trim).filter(|word| !word.is_empty()).collect();
        // Whoever says "Live Performances, Music" means a concert: the rarer sort says more.
        let sorts = || words.iter().filter_map(|word| sort_of(word).map(|sort| (*word, sort)));
        let chosen = sorts().find(|(_, sort)| *sort != EventType::Theater).or_else(|| sorts().next());
        let (word, event_type) = match chosen {
            Some((word, event_type)) => (Some(word), event_type),
            None => (words.first().copied(), EventType::Other),
        };
        let label = label(event_type);
        match word.map(|word| word.replace('/', " and ")) {
            Some(word) if names::key(&word) != names::key(label) => {
                Category { category: format!("{label}/{word}"), event_type }
            }
            _ => Category { category: label.to_owned(), event_type },
        }
    }

    /// The categories that one of this path is in, from broad to narrow: `Sports`, `Sports/Motorsport` and so on.
    pub fn levels(path: &str) -> impl Iterator<Item = &str> {
        path.match_indices('/').map(|(end, _)| &path[..end]).chain([path])
    }

    pub(super) fn check(&self) -> Result<(), Rejection> {
        bounded("category", &self.category, 200)
    }
}

fn label(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Sports => "Sports",
        EventType::Concerts => "Concerts",
        EventType::Theater => "Theater",
        EventType::Festivals => "Festivals",
        EventType::Conferences => "Conferences",
        EventType::Exhibitions => "Exhibitions",
        EventType::Other => "Other",
    }
}

/// The sort that a word of a publisher names: schema.org types, and words that cities and ticket shops use.
fn sort_of(word: &str) -> Option<EventType> {
    Some(match names::key(word).as_str() {
        "sports" | "sport" | "sportsevent" | "motorsport" | "football" | "running" | "run walk" | "cycling" => {
            EventType::Sports
        }
        "concerts" | "concert" | "music" | "musicevent" => EventType::Concerts,
        "theater" | "theatre" | "theaterevent" | "comedy" | "comedyevent" | "dance" | "danceevent"
        | "live performances" => EventType::Theater,
        "festivals" | "festival" | "street festival" | "celebration" | "celebrations" | "parade" => {
            EventType::Festivals
        }
        "conferences"
        | "conference"
        | "businessevent"
        | "educationevent"
        | "seminars workshops"
        | "talks"
        | "consumer show convention" => EventType::Conferences,
        "exhibitions" | "exhibition" | "exhibitionevent" | "visualartsevent" | "arts exhibits" | "museum" => {
            EventType::Exhibitions
        }
        _ => return None,
    })
}
