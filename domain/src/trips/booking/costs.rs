//! What the booking's purchases cost whom.

use super::{Bundle, Room, TripBooking};
use crate::payments::{Balance, Charge, Part, balances, proportion_weights};

impl TripBooking {
    /// What is still to be paid among the members, in the order of joining, then currency code; former members who are
    /// owed come last. Positive owes, negative is owed.
    pub fn balances(&self) -> Vec<Balance> {
        let mut balances = balances(self.charges());
        let place = |balance: &Balance| self.members.iter().position(|member| *member == balance.person);
        balances.sort_by_key(|balance| (place(balance).unwrap_or(usize::MAX), balance.person, balance.currency.code()));
        balances
    }

    fn charges(&self) -> impl Iterator<Item = Charge> + '_ {
        let rooms = self.accommodations.iter().flat_map(|accommodation| &accommodation.rooms);
        self.bundles.iter().filter_map(bundle_charge).chain(rooms.filter_map(room_charge))
    }
}

/// Each ticket carries an equal part, borne by its consumer, else by its purchaser.
fn bundle_charge(bundle: &Bundle) -> Option<Charge> {
    let part = |ticket: &super::Ticket| Part {
        weight: 1,
        bearer: ticket.consumer.unwrap_or(ticket.purchaser),
        payer: ticket.purchaser,
    };
    let mut parts: Vec<Part> = bundle.tickets.iter().map(part).collect();
    if parts.is_empty() {
        parts.push(Part { weight: 1, bearer: bundle.purchaser, payer: bundle.purchaser });
    }
    Some(Charge { amount: bundle.purchase?.amount, parts })
}

/// The guests bear their proportions, the purchaser the remainder.
fn room_charge(room: &Room) -> Option<Charge> {
    let payer = room.terms.purchaser;
    let proportions: Vec<Option<f64>> = room.guests.iter().map(|guest| guest.proportion).collect();
    let (weights, remainder) = proportion_weights(&proportions);
    let guests = room.guests.iter().zip(weights).map(|(guest, weight)| Part { weight, bearer: guest.person, payer });
    let parts = guests.chain([Part { weight: remainder, bearer: payer, payer }]).collect();
    Some(Charge { amount: room.terms.purchase?.amount, parts })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use crate::trips::booking::tests::bookings;

    proptest! {
        #[test]
        fn balances_of_any_booking_sum_to_zero_and_every_purchase_is_fully_shared(state in bookings()) {
            if let Ok(booking) = state.booking() {
                let mut sums = BTreeMap::new();
                for balance in booking.balances() {
                    *sums.entry(balance.currency).or_insert(0i128) += balance.minor;
                }
                prop_assert!(sums.values().all(|sum| *sum == 0), "{:?}", sums);
                for charge in booking.charges() {
                    prop_assert_eq!(charge.shares().iter().sum::<i64>(), charge.amount.minor);
                }
            }
        }
    }
}
