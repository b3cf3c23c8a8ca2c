//! Entity ids: a UUID that carries the entity's number.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

/// The id of an entity of any kind. Made by the vault as a v8 UUID with the entity's number in the top 48 bits, so
/// that integer ids and UUIDs convert both ways without a table; rules treat it as opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EntityId(pub Uuid);

impl EntityId {
    /// An id from its parts: `number` in the top 48 bits, the rest from `tail` (version and variant bits are set).
    pub fn from_parts(number: u64, tail: [u8; 10]) -> Self {
        let mut bytes = [0u8; 16];
        bytes[..6].copy_from_slice(&number.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&tail);
        EntityId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The entity's number: unique within its kind, at most 48 bits.
    pub fn number(&self) -> u64 {
        self.0.as_u128().wrapping_shr(80) as u64
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is the id of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such id")
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for EntityId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // Only the hyphenated form in lower case: an id has one spelling on the wire.
        if text.len() != 36 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(NotAnId);
        }
        Uuid::from_str(text).map(EntityId).map_err(|_| NotAnId)
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = EntityId;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<EntityId, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl From<Uuid> for EntityId {
    fn from(id: Uuid) -> Self {
        EntityId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_gives_back_its_number() {
        for number in [1, 64, 65_536, (1 << 48) - 1] {
            let id = EntityId::from_parts(number, [0xff; 10]);
            assert_eq!(id.number(), number);
            assert_eq!(id.0.get_version_num(), 8);
            assert_eq!(id.to_string().parse::<EntityId>().unwrap(), id);
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert!("67e5504410b1426f9247bb680e5fe0c8".parse::<EntityId>().is_err());
        assert!("67E55044-10B1-426F-9247-BB680E5FE0C8".parse::<EntityId>().is_err());
    }
}
