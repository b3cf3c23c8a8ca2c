//! Who paid, who owes: shares of purchases and the balances that follow from them.

use std::collections::BTreeMap;

use iso_currency::Currency;

use crate::money::{exponent, split};
use crate::{EntityId, Money};

#[cfg(test)]
mod tests;

/// An amount that somebody paid, and who bears which part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Charge {
    pub amount: Money,
    /// In creation order: leftover minor units go to the largest fractions, ties in this order.
    pub parts: Vec<Part>,
}

/// A part of a charge: `bearer` owes it to `payer`, nothing where they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The part's size against the charge's other parts, in any unit.
    pub weight: u64,
    pub bearer: EntityId,
    pub payer: EntityId,
}

/// What one person is still to pay in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    pub person: EntityId,
    pub currency: Currency,
    /// Minor units; positive owes, negative is owed. Never zero.
    pub minor: i128,
}

impl Balance {
    /// The balance in major units, for wire formats that carry a number.
    pub fn major(&self) -> f64 {
        self.minor as f64 / 10f64.powi(exponent(self.currency) as i32)
    }
}

impl Charge {
    /// Minor units that fall on each part. They sum to the amount unless there are no parts.
    pub fn shares(&self) -> Vec<i64> {
        let weights: Vec<u64> = self.parts.iter().map(|part| part.weight).collect();
        split(self.amount.minor, &weights)
    }
}

/// What is outstanding once all charges are set off: by person, then currency, without zeros. Per currency the
/// balances sum to zero (krugo, Decisions: Money).
pub fn balances(charges: impl IntoIterator<Item = Charge>) -> Vec<Balance> {
    let mut sums: BTreeMap<(EntityId, Currency), i128> = BTreeMap::new();
    for charge in charges {
        let currency = charge.amount.currency;
        for (part, share) in charge.parts.iter().zip(charge.shares()) {
            if part.bearer != part.payer {
                *sums.entry((part.bearer, currency)).or_default() += i128::from(share);
                *sums.entry((part.payer, currency)).or_default() -= i128::from(share);
            }
        }
    }
    let outstanding = sums.into_iter().filter(|(_, minor)| *minor != 0);
    outstanding.map(|((person, currency), minor)| Balance { person, currency, minor }).collect()
}

/// Weights of 1 in [`proportion_weights`].
const WHOLE: u64 = 1_000_000_000_000;

/// How far above 1 proportions may sum (krugo, Decisions: Rooms).
const TOLERANCE: f64 = 1e-9;

/// Whether proportions of one amount leave room for each other. One left out counts as nothing.
pub fn proportions_fit(proportions: &[Option<f64>]) -> bool {
    proportions.iter().flatten().all(|proportion| (0.0..=1.0 + TOLERANCE).contains(proportion))
        && proportions.iter().flatten().sum::<f64>() <= 1.0 + TOLERANCE
}

/// The weight of each proportion, and of the remainder that stays with who paid. If none is given the parts are equal
/// and nothing remains; if some are, one left out is 0 (krugo, Decisions: Rooms).
pub fn proportion_weights(proportions: &[Option<f64>]) -> (Vec<u64>, u64) {
    if !proportions.is_empty() && proportions.iter().all(Option::is_none) {
        return (vec![1; proportions.len()], 0);
    }
    let weight = |proportion: &Option<f64>| (proportion.unwrap_or(0.0).clamp(0.0, 1.0) * WHOLE as f64).round() as u64;
    let weights: Vec<u64> = proportions.iter().map(weight).collect();
    let remainder = WHOLE.saturating_sub(weights.iter().sum());
    (weights, remainder)
}
