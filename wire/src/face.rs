//! What of a request and its answer is a dialect's own: the names of fields, who is named as acting, how it is
//! rendered.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

use crate::exposure::Objects;
use crate::{Exchange, FailureKind, Operation, Place, Reached};

/// How one dialect reads and writes.
pub struct Face {
    /// The media type of its answers.
    pub media_type: &'static str,
    /// Where tokens are looked for.
    pub tokens: &'static [Place],
    /// How much of a request to an operation is taken in.
    pub bounds: fn(operation: &str) -> Bounds,
    /// A field as it is written; requests, commands and rejections have it in snake case.
    pub spell: fn(&str) -> Cow<'_, str>,
    /// What an operation calls otherwise than its spelling makes it: the name of the command's field, as it is written.
    pub other_names: fn(operation: &str) -> &'static [(&'static str, &'static str)],
    /// The field, as it is written, by which a request of an operation names who acts.
    pub actor: fn(operation: &str) -> Option<&'static str>,
    /// The status of a failure, and how far its request had come.
    pub status: fn(FailureKind, Reached) -> StatusCode,
    /// The schemas of failures that the contract documents for some operations, besides that of all others.
    pub own_failures: &'static [&'static str],
    /// The query parameter by which a client names its request, instead of the header `X-Request-Id`.
    pub request_id: Option<&'static str>,
    /// Which query parameters an operation takes that its contract does not document.
    pub further: fn(&Operation, name: &str) -> bool,
    /// How records are asked for and shown, where any are.
    pub objects: Option<&'static Objects>,
    /// The JSON that an exchange is answered with: a failure, or a success that has any.
    pub body: fn(&Exchange) -> Cow<'_, Value>,
}

/// How much of a request is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the body.
    pub body: usize,
    /// The same, from staff, where that is more: whoever else sent as much would only be refused in the end.
    pub of_staff: usize,
    /// Entries of one list.
    pub list: usize,
    /// Characters of one text.
    pub text: usize,
}

pub(crate) const MIB: usize = 1024 * 1024;

impl Bounds {
    pub const USUAL: Bounds = Bounds { body: MIB, of_staff: 0, list: 1_000, text: 10_000 };
}

/// How the fields of one operation are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub spell: fn(&str) -> Cow<'_, str>,
    pub other: &'static [(&'static str, &'static str)],
}

impl Names {
    /// A field as it is written.
    pub fn written<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match self.other.iter().find(|(own, _)| *own == name) {
            Some((_, written)) => Cow::Borrowed(written),
            None => (self.spell)(name),
        }
    }

    /// Which of `fields` is written so.
    pub fn field(&self, fields: &'static [&'static str], written: &str) -> Option<&'static str> {
        fields.iter().copied().find(|name| self.written(name) == written)
    }

    /// `rooms[0].check_out_date` as it is written.
    pub fn path(&self, path: &str) -> String {
        let steps = path.split('.').map(|step| {
            let (name, index) = step.split_at(step.find('[').unwrap_or(step.len()));
            format!("{}{index}", self.written(name))
        });
        steps.collect::<Vec<_>>().join(".")
    }

    /// A message whose fields, between backticks, are as they are written: "lies before startDate".
    pub fn message(&self, message: &str) -> String {
        let parts = message.split('`').enumerate();
        parts.map(|(index, part)| if index % 2 == 1 { self.path(part) } else { part.to_owned() }).collect()
    }
}

/// `trip_booking_id` as `tripBookingId`.
pub(crate) fn camel_case(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let name = words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &initial.into_iter().chain(letters).collect::<String>()
    });
    Cow::Owned(name)
}

/// `tripBookingId` as `trip_booking_id`.
pub(crate) fn snake_of_camel(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// `trip-booking-id` as `trip_booking_id`.
pub(crate) fn snake_of_kebab(name: &str) -> String {
    name.replace('-', "_")
}

/// `trip_booking_id` as `trip-booking-id`.
pub(crate) fn kebab_case(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}

/// `trip_booking_id` as it is.
pub(crate) fn snake_case(name: &str) -> Cow<'_, str> {
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { spell: camel_case, other: &[("consumer", "userId")] };

    #[test]
    fn a_path_is_written_as_the_dialect_spells_it() {
        assert_eq!(NAMES.path("end_date"), "endDate");
        assert_eq!(NAMES.path("rooms[0].guests[1].check_out_date"), "rooms[0].guests[1].checkOutDate");
        assert_eq!(NAMES.path("[2].guest_id"), "[2].guestId");
        assert_eq!(NAMES.path("tickets[1].consumer"), "tickets[1].userId");
        assert_eq!(NAMES.path("If-Match"), "If-Match");
        assert_eq!(NAMES.message("lies before `start_date` of `consumer`"), "lies before startDate of userId");
        assert_eq!((kebab_case("end_date"), snake_case("end_date")), ("end-date".into(), "end_date".into()));
    }

    #[test]
    fn a_field_is_found_by_how_it_is_written_and_no_other_way() {
        let fields = &["consumer", "end_date", "Name"];
        assert_eq!(NAMES.field(fields, "userId"), Some("consumer"));
        assert_eq!(NAMES.field(fields, "endDate"), Some("end_date"));
        assert_eq!(NAMES.field(fields, "Name"), Some("Name"));
        for unknown in ["consumer", "end_date", "name", "EndDate"] {
            assert_eq!(NAMES.field(fields, unknown), None, "{unknown}");
        }
    }
}
