//! The laws of money between members.

use proptest::prelude::*;

use super::*;

fn person(number: u64) -> EntityId {
    EntityId::from_parts(number, [0; 10])
}

fn usd(minor: i64) -> Money {
    Money { minor, currency: Currency::USD }
}

fn part(weight: u64, bearer: u64, payer: u64) -> Part {
    Part { weight, bearer: person(bearer), payer: person(payer) }
}

fn balance(number: u64, minor: i128) -> Balance {
    Balance { person: person(number), currency: Currency::USD, minor }
}

#[test]
fn positive_owes_and_negative_is_owed() {
    let charge = Charge { amount: usd(24_000), parts: vec![part(1, 1, 1), part(1, 2, 1)] };
    assert_eq!(balances([charge]), [balance(1, -12_000), balance(2, 12_000)]);
}

#[test]
fn debts_are_set_off_and_zeros_left_out() {
    let there = Charge { amount: usd(500), parts: vec![part(1, 2, 1)] };
    let back = Charge { amount: usd(500), parts: vec![part(1, 1, 2)] };
    assert_eq!(balances([there, back]), []);
}

#[test]
fn each_currency_has_its_own_balance() {
    let dollars = Charge { amount: usd(500), parts: vec![part(1, 2, 1)] };
    let yen = Charge { amount: Money { minor: 500, currency: Currency::JPY }, parts: vec![part(1, 1, 2)] };
    let balances = balances([dollars, yen]);
    assert_eq!(balances.len(), 4);
    let major: Vec<f64> = balances.iter().filter(|b| b.person == person(2)).map(Balance::major).collect();
    assert!(major.contains(&5.0) && major.contains(&-500.0), "{major:?}");
}

#[test]
fn leftover_minor_units_go_to_the_largest_fraction_and_ties_to_the_first() {
    let charge = Charge { amount: usd(100), parts: vec![part(1, 1, 9), part(1, 2, 9), part(1, 3, 9)] };
    assert_eq!(charge.shares(), [34, 33, 33]);
    let charge = Charge { amount: usd(10), parts: vec![part(1, 1, 9), part(5, 2, 9)] };
    assert_eq!(charge.shares(), [2, 8]);
}

#[test]
fn without_proportions_the_split_is_equal() {
    assert_eq!(proportion_weights(&[None, None]), (vec![1, 1], 0));
}

#[test]
fn a_missing_proportion_among_given_ones_is_nothing() {
    assert_eq!(proportion_weights(&[Some(0.25), None]), (vec![WHOLE / 4, 0], WHOLE / 4 * 3));
}

#[test]
fn what_proportions_leave_remains() {
    assert_eq!(proportion_weights(&[]), (vec![], WHOLE));
    assert_eq!(proportion_weights(&[Some(0.0)]), (vec![0], WHOLE));
    assert_eq!(proportion_weights(&[Some(0.5), Some(0.5)]), (vec![WHOLE / 2, WHOLE / 2], 0));
}

#[test]
fn proportions_may_exceed_one_by_a_billionth() {
    assert!(proportions_fit(&[Some(0.1), Some(0.2), Some(0.7)]));
    assert!(proportions_fit(&[Some(0.5), Some(0.5 + 1e-10)]));
    assert!(!proportions_fit(&[Some(0.5), Some(0.5 + 1e-8)]));
    assert!(!proportions_fit(&[Some(-0.1)]));
    assert!(!proportions_fit(&[Some(f64::NAN)]));
}

#[test]
fn thirds_as_clients_write_them_split_without_a_leftover_for_the_purchaser() {
    let third = Some(0.333_333_333_333_333_3);
    let (weights, remainder) = proportion_weights(&[third, third, third]);
    let mut weights: Vec<u64> = weights;
    weights.push(remainder);
    assert_eq!(split(48_000, &weights), [16_000, 16_000, 16_000, 0]);
}

prop_compose! {
    fn charges()(
        charges in prop::collection::vec(
            (0i64..1_000_000_000, 0usize..3, prop::collection::vec((1u64..1_000_000, 0u64..5, 0u64..5), 1..8)),
            0..8,
        )
    ) -> Vec<Charge> {
        const CURRENCIES: [Currency; 3] = [Currency::USD, Currency::JPY, Currency::KWD];
        let charge = |(minor, currency, parts): (i64, usize, Vec<(u64, u64, u64)>)| Charge {
            amount: Money { minor, currency: CURRENCIES[currency] },
            parts: parts.into_iter().map(|(weight, bearer, payer)| part(weight, bearer, payer)).collect(),
        };
        charges.into_iter().map(charge).collect()
    }
}

proptest! {
    #[test]
    fn balances_sum_to_zero_per_currency(charges in charges()) {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for balance in balances(charges) {
            prop_assert_ne!(balance.minor, 0);
            *sums.entry(balance.currency).or_default() += balance.minor;
        }
        prop_assert!(sums.values().all(|sum| *sum == 0), "{:?}", sums);
    }

    #[test]
    fn every_purchase_is_fully_shared(charges in charges()) {
        for charge in charges {
            prop_assert_eq!(charge.shares().iter().sum::<i64>(), charge.amount.minor);
        }
    }
}
