//! What holds of all exposures.

use std::collections::HashSet;

use chrono::DateTime;

use super::*;

/// Members that every object has besides its fields.
const OF_ALL: [&str; 9] = [
    "id",
    "isActive",
    "recordVersion",
    "createdAt",
    "updatedAt",
    "_owner",
    "created-at",
    "deleted-at",
    "lastRefreshed",
];

/// Members that come later, with what they are made of.
const LATER: [&str; 6] = [
    "thumbnail-image-url",
    "large-image-url",
    "icon-image-url",
    "is-paypal-activated",
    "is-stripe-activated",
    "is-omise-activated",
];

fn all() -> impl Iterator<Item = &'static Exposed> {
    DIALECTS.iter().flat_map(|dialect| exposed(dialect))
}

#[test]
fn each_exposure_takes_operations_and_no_operation_is_taken_twice() {
    let mut taken = HashSet::new();
    for exposed in all() {
        assert!(taken.insert(exposed.operation.key()), "{}", exposed.operation.id);
    }
    for objects in DIALECTS.iter().filter_map(|dialect| dialect.face.objects) {
        for exposure in objects.exposures {
            let takes = all().any(|exposed| std::ptr::eq(exposed.exposure, exposure));
            assert!(takes, "{} takes no operation", exposure.object);
            for relation in exposure.relations {
                assert!(objects.exposure(relation.object).is_some(), "{} leads nowhere", relation.name);
            }
        }
    }
}

#[test]
fn every_member_has_a_source_and_every_declared_field_is_one() {
    for exposed in all() {
        let exposure = exposed.exposure;
        let (undeclared, names) = match exposure.record {
            Some(record) => (record.undeclared(), (record.names)()),
            None => (vec![], &[][..]),
        };
        assert_eq!(undeclared, Vec::<&str>::new(), "{}", exposure.object);
        let made = (exposure.made)(&blank());
        let is_person = |member: &Member| exposure.people.iter().any(|(name, _)| member.name == *name);
        for member in exposed.about.shows.iter().filter(|member| !is_person(member)) {
            let spell = exposed.operation.dialect.face.spell;
            let has_source = names.iter().any(|name| spell(name) == member.name.as_str() || *name == member.name);
            let is_made = made.iter().any(|(name, _)| *name == member.name);
            let is_omitted = exposure.omitted.contains(&member.name.as_str());
            let known = is_made
                || is_omitted
                || OF_ALL.contains(&member.name.as_str())
                || LATER.contains(&member.name.as_str());
            assert!(has_source || known, "{} of {}", member.name, exposure.object);
        }
    }
}

#[test]
fn members_are_found_by_fields_that_there_are() {
    for exposed in all() {
        for (member, found) in exposed.exposure.found {
            let by = |field: &str| exposed.kind().comparable(field).is_some();
            assert!(!matches!(found, Found::By(field) if !by(field)), "{member} of {}", exposed.exposure.object);
        }
        let only = exposed.exposure.only.map(|(field, _)| exposed.kind().field(field).is_some());
        assert_ne!(only, Some(false), "{}", exposed.exposure.object);
    }
}

fn blank() -> Row {
    Row {
        id: EntityId(uuid::Uuid::nil()),
        revision: 0,
        stamps: Stamps {
            born: 1,
            created_at: DateTime::UNIX_EPOCH,
            created_by: None,
            updated_at: DateTime::UNIX_EPOCH,
        },
        deleted: false,
        fields: Map::new(),
        people: None,
        privately: false,
        related: vec![],
    }
}

/// Printed with `--nocapture`: what is still to be exposed, or has to have a handler.
#[test]
fn what_no_exposure_takes_is_listed() {
    for dialect in DIALECTS.iter().filter(|dialect| dialect.face.objects.is_some()) {
        let taken: HashSet<&str> = exposed(dialect).map(|exposed| exposed.operation.id.as_str()).collect();
        let contract = contracts().iter().find(|contract| contract.dialect.name == dialect.name);
        let operations = contract.into_iter().flat_map(|contract| &contract.operations);
        let open: Vec<&str> =
            operations.map(|operation| operation.id.as_str()).filter(|id| !taken.contains(id)).collect();
        println!("{}: {} taken, {} not: {}", dialect.name, taken.len(), open.len(), open.join(" "));
        assert!(!taken.is_empty());
    }
}
