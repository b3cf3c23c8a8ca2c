//! What the platform keeps of each ticket sold in a currency.

use garde::Validate;
use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{decimal, keyword};
use crate::money::EXACT;
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct TicketFee {
    #[garde(skip)]
    pub currency: Currency,
    /// Percent of the price.
    #[garde(range(min = 0.0, max = 100.0))]
    pub service_fee: Option<f64>,
    /// At most this for a ticket, minor units.
    #[garde(range(min = 0, max = EXACT))]
    pub maximum_fee: Option<i64>,
}

pub const TICKET_FEE: Record = Record::of::<TicketFee>("ticket_fee")
    .known(Who::SignedIn)
    .written(STAFF)
    .fixed(&["currency"])
    .unique(&[&["currency"]])
    .fields(&[keyword("currency"), decimal("service_fee")]);
