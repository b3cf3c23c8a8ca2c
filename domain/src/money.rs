//! Amounts: minor units and a currency, never a float.

use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// An amount in the currency's minor units (cents, yen, fils).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    /// An amount from its decimal text in major units, such as `"12.5"` or `12.5` as JSON prints it. Refuses a negative
    /// amount, an unknown currency, one that nobody pays with (XXX, metals, funds), and more decimals than ISO 4217
    /// gives the currency (krugo, Decisions: Money).
    pub fn parse(amount: &str, currency: &str) -> Result<Money, Rejection> {
        let known = Currency::from_code(currency).filter(|known| !known.is_special() && !known.is_fund());
        let currency = known.ok_or_else(|| {
            Rejection::invalid("currency-unknown", "currency", format!("{currency} is no ISO 4217 money"))
        })?;
        let exponent = exponent(currency);
        let invalid = |message: &str| Rejection::invalid("amount-form", "amount", message.to_owned());
        let (mantissa, power) = match amount.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().map_err(|_| invalid("is not a number"))?),
            None => (amount, 0),
        };
        if mantissa.starts_with('-') && mantissa.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            return Err(invalid("is negative"));
        }
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid("is not a number"));
        }
        // The value is digits × 10^shift minor units.
        let shift =
            (exponent as i32 - fraction.len() as i32).checked_add(power).ok_or_else(|| invalid("is not a number"))?;
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(Money { minor: 0, currency });
        }
        let (kept, zeros) = if shift < 0 {
            let cut = significant.len().saturating_sub(shift.unsigned_abs() as usize);
            let (kept, rest) = significant.split_at(cut);
            if rest.len() < shift.unsigned_abs() as usize || rest.bytes().any(|b| b != b'0') {
                return Err(invalid(&format!("has more than {exponent} decimals")));
            }
            (kept, 0)
        } else {
            (significant, shift as u32)
        };
        let minor = kept
            .parse::<i64>()
            .ok()
            .and_then(|value| 10i64.checked_pow(zeros).and_then(|scale| value.checked_mul(scale)))
            .filter(|minor| *minor <= EXACT)
            .ok_or_else(|| invalid("is too large"))?;
        Ok(Money { minor, currency })
    }

    /// The amount in major units, for wire formats that carry a number.
    pub fn major(&self) -> f64 {
        self.minor as f64 / 10f64.powi(exponent(self.currency) as i32)
    }
}

/// Up to here a JSON number carries every whole number exactly, being a double. No amount is larger, so that sums of
/// many stay within 64 bits.
pub const EXACT: i64 = 1 << 53;

/// Decimals of the currency's minor unit (ISO 4217); currencies without one count whole units.
pub fn exponent(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// Splits `total` minor units into parts proportional to `weights`, which sum to the whole; the leftover units go to
/// the largest fractions, ties in order. Weights are integers in any unit. An empty or all-zero list gives no shares.
pub fn split(total: i64, weights: &[u64]) -> Vec<i64> {
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &u64| total as u128 * u128::from(*weight);
    let mut shares: Vec<i64> = weights.iter().map(|w| (exact(w) / sum) as i64).collect();
    let mut by_fraction: Vec<usize> = (0..weights.len()).collect();
    by_fraction.sort_by_key(|i| std::cmp::Reverse(exact(&weights[*i]) % sum));
    let leftover = total - shares.iter().sum::<i64>();
    for i in by_fraction.into_iter().take(leftover as usize) {
        shares[i] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_follow_the_currency() {
        let minor = |amount, currency| Money::parse(amount, currency).map(|money| money.minor);
        assert_eq!(minor("480", "USD"), Ok(48_000));
        assert_eq!(minor("480.00", "USD"), Ok(48_000));
        assert_eq!(minor("0.1", "USD"), Ok(10));
        assert_eq!(minor("1e2", "JPY"), Ok(100));
        assert_eq!(minor("1.234", "KWD"), Ok(1_234));
        assert_eq!(minor("1.5e-1", "EUR"), Ok(15));
        assert_eq!(minor("-0.0", "EUR"), Ok(0));
        for (amount, currency) in
            [("1.5", "JPY"), ("0.001", "USD"), ("-1", "USD"), ("1", "ZZZ"), ("x", "USD"), ("1e99", "USD"), ("", "USD")]
        {
            assert!(minor(amount, currency).is_err(), "{amount} {currency}");
        }
    }

    #[test]
    fn nobody_pays_in_what_is_no_money() {
        for code in ["XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "CLF", "eur", "ZZZ"] {
            assert_eq!(Money::parse("1", code).unwrap_err().field(), Some("currency"), "{code}");
        }
        assert!(Money::parse("1", "XOF").is_ok());
    }

    #[test]
    fn leftover_units_go_to_the_first_of_equals() {
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(10, &[]), Vec::<i64>::new());
    }

    proptest! {
        #[test]
        fn a_split_keeps_the_total(total in 0i64..EXACT, weights in prop::collection::vec(0u64..1_000_000_000, 1..40)) {
            prop_assume!(weights.iter().any(|w| *w > 0));
            prop_assert_eq!(split(total, &weights).iter().sum::<i64>(), total);
        }
    }
}
