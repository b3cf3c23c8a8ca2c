//! Pictures of what is in the catalogue, and those that are part of an app. The files lie elsewhere.

use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::STAFF;
use crate::kind::{id, keyword};
use crate::{EntityId, Record, Rejection, Who};

/// What a picture shows, or stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Motif {
    /// Something of the catalogue.
    Thing(EntityId),
    /// What an app calls so.
    BuiltIn(String),
}

impl Motif {
    /// An id names something of the catalogue, any other name what an app calls so: 1 to 100 letters, digits, `-`, `_`
    /// and `.`. The field at fault is `motif`.
    pub fn named(name: &str) -> Result<Motif, Rejection> {
        if let Ok(thing) = name.parse() {
            return Ok(Motif::Thing(thing));
        }
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        match (1..=100).contains(&name.len()) && name.bytes().all(is_good) {
            true => Ok(Motif::BuiltIn(name.to_owned())),
            false => Err(Rejection::invalid("motif-form", "motif", "is neither an id nor a name: expected category-3")),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
#[garde(custom(one_motif))]
pub struct Picture {
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thing: Option<EntityId>,
    #[garde(skip)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_in: Option<String>,
    /// What it is called.
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    /// Who made it, as it is to be published with it.
    #[garde(length(chars, min = 1, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Of the file: 32 hexadecimal digits, by which clients tell the pictures of one thing apart.
    #[garde(pattern("^[0-9a-f]{32}$"))]
    pub md5: String,
    /// By which the file is kept. One that was deleted and comes back has another: the one before is deleted for good.
    #[garde(skip)]
    pub file: Uuid,
}

pub const PICTURE: Record =
    Record::of::<Picture>("picture").fields(&[id("thing"), keyword("built_in")]).known(Who::Anyone).written(STAFF);

impl Picture {
    pub fn new(motif: Motif, name: String, author: Option<String>, md5: String, file: Uuid) -> Picture {
        let (thing, built_in) = match motif {
            Motif::Thing(thing) => (Some(thing), None),
            Motif::BuiltIn(name) => (None, Some(name)),
        };
        Picture { thing, built_in, name, author, md5, file }
    }

    /// The name of what it shows, as [`Motif::named`] reads it.
    pub fn motif(&self) -> String {
        self.thing.map(|thing| thing.to_string()).or_else(|| self.built_in.clone()).unwrap_or_default()
    }
}

pub fn no_such_picture() -> Rejection {
    Rejection::not_found("no-such-picture", "no such picture")
}

fn one_motif(picture: &Picture, _: &()) -> garde::Result {
    match picture.thing.is_some() == picture.built_in.is_some() {
        true => Err(garde::Error::new("shows one thing")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(fields: Value) -> String {
        (PICTURE.normalise)(fields).unwrap_err().field().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_motif_is_an_id_or_a_name() {
        let thing = EntityId::from_parts(1, [1; 10]);
        assert_eq!(Motif::named(&thing.to_string()), Ok(Motif::Thing(thing)));
        assert_eq!(Motif::named("category-3"), Ok(Motif::BuiltIn("category-3".to_owned())));
        for wrong in ["", "../x", "a b", "ä", &"x".repeat(101)] {
            assert_eq!(Motif::named(wrong).unwrap_err().field(), Some("motif"), "{wrong}");
        }
    }

    #[test]
    fn a_picture_shows_one_thing() {
        let thing = EntityId::from_parts(1, [1; 10]);
        let md5 = "9e107d9d372bb6826bd81d3542a419d6";
        for motif in [Motif::Thing(thing), Motif::BuiltIn("category-3".to_owned())] {
            let picture = Picture::new(motif, "Skyline".to_owned(), None, md5.to_owned(), Uuid::nil());
            assert!((PICTURE.normalise)(serde_json::to_value(picture).unwrap()).is_ok());
        }
        let both =
            json!({"thing": thing, "built_in": "category-3", "name": "Skyline", "md5": md5, "file": Uuid::nil()});
        assert!((PICTURE.normalise)(both).is_err());
        assert!((PICTURE.normalise)(json!({"name": "Skyline", "md5": md5, "file": Uuid::nil()})).is_err());
        assert_eq!(refused(json!({"built_in": "x", "name": "Skyline", "md5": "9E", "file": Uuid::nil()})), "md5");
        assert_eq!(refused(json!({"built_in": "x", "name": "", "md5": md5, "file": Uuid::nil()})), "name");
    }
}
