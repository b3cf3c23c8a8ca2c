//! What was paid, as input says it and as purchases hold it.

use super::commands::Price;
use super::events::Purchase;
use crate::{Context, Money, Rejection};

/// The last second of the year 9999.
const LATEST: i64 = 253_402_300_799;

/// A purchase as it is after `price` came in; a new one takes `number`.
pub(super) fn purchase(
    known: Option<&Purchase>,
    price: &Price,
    number: impl FnOnce() -> u32,
    context: &Context,
) -> Result<Purchase, Rejection> {
    if price.date.is_some_and(|date| !(0..=LATEST).contains(&date)) {
        return Err(Rejection::invalid(
            "purchase-date-range",
            "purchase.date",
            "is not a time in Unix seconds up to the year 9999",
        ));
    }
    let amount = match (known, &price.amount, &price.currency) {
        (_, Some(amount), Some(currency)) => Money::parse(amount, currency).map_err(of_purchase)?,
        (Some(known), Some(amount), None) => Money::parse(amount, known.amount.currency.code()).map_err(of_purchase)?,
        (Some(known), None, Some(currency)) if currency == known.amount.currency.code() => known.amount,
        (Some(known), None, None) => known.amount,
        (_, None, _) => return Err(Rejection::invalid("purchase-amount-required", "purchase.amount", "is required")),
        (None, _, None) => {
            return Err(Rejection::invalid("purchase-currency-required", "purchase.currency", "is required"));
        }
    };
    let date = price.date.or(known.map(|known| known.date)).unwrap_or_else(|| context.now.timestamp());
    Ok(Purchase { number: known.map_or_else(number, |known| known.number), amount, date })
}

fn of_purchase(rejection: Rejection) -> Rejection {
    rejection.within("purchase")
}
