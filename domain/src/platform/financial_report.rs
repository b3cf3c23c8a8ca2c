//! What came in and went out in a period, as it was reported. A report is made once and never changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use garde::Validate;
use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::text;
use crate::money::EXACT;
use crate::record::{made_at, maker};
use crate::{EntityId, Record, Who};

/// All amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct FinancialReport {
    #[garde(length(chars, min = 1, max = 100))]
    pub period: String,
    #[garde(skip)]
    pub currency: Currency,
    #[garde(range(min = 0, max = EXACT))]
    pub total_revenue: i64,
    #[garde(range(min = 0, max = EXACT))]
    pub total_payouts: i64,
    #[garde(range(min = 0, max = EXACT))]
    pub total_refunds: i64,
    /// Place → amount.
    #[garde(length(max = 1_000))]
    pub city_tax_by_location: Option<BTreeMap<String, i64>>,
    #[garde(skip)]
    pub created_by: Option<EntityId>,
    #[garde(skip)]
    pub generated_at: Option<DateTime<Utc>>,
}

pub const FINANCIAL_REPORT: Record = Record::of::<FinancialReport>("financial_report")
    .known(Who::SignedIn)
    .read(STAFF)
    .appended(STAFF)
    .filled(&[maker("created_by"), made_at("generated_at")])
    .fields(&[text("period"), text("currency")])
    .text(&["period", "currency"]);
