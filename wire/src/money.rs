//! Amounts between the wire, which has numbers of major units, and records, which have minor units and a currency.

use caravan_domain::{Money, Rejection};
use serde_json::{Map, Value, json};

use crate::exposure::Present;

/// The field with the currency of a record's amounts.
const CURRENCY: &str = "currency";

/// Puts the amounts among these fields, or objects of amounts, into minor units. Where no currency is sent, it is the
/// present one.
pub(crate) fn minor(
    amounts: &[&'static str],
    fields: &mut Map<String, Value>,
    present: Present,
) -> Result<(), Rejection> {
    let currency = fields.get(CURRENCY).or(present.and_then(|present| present.get(CURRENCY)));
    let currency = currency.and_then(Value::as_str).unwrap_or_default().to_owned();
    for field in amounts {
        if let Some(amount) = fields.get_mut(*field) {
            *amount = minor_of(amount, &currency).map_err(|refusal| at(field, refusal))?;
        }
    }
    Ok(())
}

fn minor_of(amount: &Value, currency: &str) -> Result<Value, Rejection> {
    match amount {
        Value::Object(amounts) => {
            let each = amounts.iter().map(|(name, amount)| Ok((name.clone(), minor_of(amount, currency)?)));
            each.collect::<Result<Map<String, Value>, Rejection>>().map(Value::Object)
        }
        Value::Null => Ok(Value::Null),
        amount => Ok(json!(Money::parse(&amount.to_string(), currency)?.minor)),
    }
}

/// The same refusal, of the field that holds the amount.
fn at(field: &'static str, refusal: Rejection) -> Rejection {
    if refusal.field() == Some("amount") { refusal.on(field) } else { refusal }
}

/// An amount of a record as a number of major units, or an object of such.
pub(crate) fn major(amount: &Value, fields: &Map<String, Value>) -> Value {
    let currency = fields.get(CURRENCY).and_then(Value::as_str).unwrap_or_default();
    major_of(amount, Money::parse("0", currency).ok())
}

fn major_of(amount: &Value, nothing: Option<Money>) -> Value {
    match (amount, nothing) {
        (Value::Object(amounts), _) => {
            amounts.iter().map(|(name, amount)| (name.clone(), major_of(amount, nothing))).collect()
        }
        (amount, Some(nothing)) => {
            amount.as_i64().map_or(Value::Null, |minor| json!(Money { minor, ..nothing }.major()))
        }
        (_, None) => Value::Null,
    }
}
