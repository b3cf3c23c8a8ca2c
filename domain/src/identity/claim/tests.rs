use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::*;
use crate::decider::testing::given;

const ONE: EntityId = EntityId(Uuid::from_u128(1));
const OTHER: EntityId = EntityId(Uuid::from_u128(2));

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn claimed(owner: EntityId) -> ClaimEvent {
    ClaimEvent::Claimed { owner, at: start() }
}

fn claim(owner: EntityId, held: bool) -> ClaimCommand {
    ClaimCommand::Claim { owner, held }
}

#[test]
fn a_free_value_is_claimed() {
    given::<Claim>([]).when(claim(ONE, false)).then([claimed(ONE)]);
}

#[test]
fn claiming_again_changes_nothing() {
    given::<Claim>([claimed(ONE)]).when(claim(ONE, true)).then_nothing();
}

#[test]
fn a_value_in_use_cannot_be_claimed_by_another() {
    let later = start() + CLAIM_LIFE * 100;
    given::<Claim>([claimed(ONE)]).at(later).when(claim(OTHER, true)).then_err("value-taken");
}

#[test]
fn a_fresh_claim_stands_although_its_owner_does_not_exist_yet() {
    let soon = start() + CLAIM_LIFE - TimeDelta::seconds(1);
    given::<Claim>([claimed(ONE)]).at(soon).when(claim(OTHER, false)).then_err("value-taken");
}

#[test]
fn a_claim_lapses_when_its_owner_never_came_to_be() {
    let at = start() + CLAIM_LIFE;
    let taken = ClaimEvent::Claimed { owner: OTHER, at };
    given::<Claim>([claimed(ONE)]).at(at).when(claim(OTHER, false)).then([taken]);
}

#[test]
fn a_lapsed_claim_is_renewed_by_its_owner() {
    let at = start() + CLAIM_LIFE;
    let renewed = ClaimEvent::Claimed { owner: ONE, at };
    given::<Claim>([claimed(ONE)]).at(at).when(claim(ONE, false)).then([renewed]);
}

#[test]
fn a_released_value_is_free() {
    let released = ClaimEvent::Released { owner: ONE };
    let release = ClaimCommand::Release { owner: ONE };
    given::<Claim>([claimed(ONE)]).when(release.clone()).then([released.clone()]);
    given::<Claim>([claimed(ONE), released.clone()]).when(release).then_nothing();
    given::<Claim>([claimed(ONE), released]).when(claim(OTHER, false)).then([claimed(OTHER)]);
}

#[test]
fn only_the_owner_releases() {
    let release = ClaimCommand::Release { owner: OTHER };
    given::<Claim>([claimed(ONE)]).when(release).then_nothing();
}

#[test]
fn a_value_moves_once_between_two_who_are_one_person() {
    let moved = ClaimEvent::Moved { from: ONE, to: OTHER, at: start() };
    let hand_over = ClaimCommand::Move { from: ONE, to: OTHER };
    given::<Claim>([claimed(ONE)]).when(hand_over.clone()).then([moved.clone()]);
    given::<Claim>([claimed(ONE), moved]).when(hand_over.clone()).then_nothing();
    given::<Claim>([]).when(hand_over).then_err("value-taken");
}
