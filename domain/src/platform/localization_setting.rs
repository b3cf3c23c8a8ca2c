//! A language and a currency that the platform offers together.

use chrono::NaiveDate;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::kind::{boolean, text};
use crate::{Record, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct LocalizationSetting {
    /// BCP 47: `en`, `pt-BR`.
    #[garde(length(min = 2, max = 35), ascii, pattern(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"))]
    pub language_code: String,
    /// ISO 4217.
    #[garde(pattern(r"^[A-Z]{3}$"))]
    pub currency_code: String,
    #[garde(skip)]
    pub is_currency_active: bool,
    #[garde(skip)]
    pub effective_from: Option<NaiveDate>,
    #[garde(skip)]
    pub effective_to: Option<NaiveDate>,
}

pub const LOCALIZATION_SETTING: Record = Record::of::<LocalizationSetting>("localization_setting")
    .known(Who::SignedIn)
    .written(STAFF)
    .unique(&[&["language_code", "currency_code"]])
    .fields(&[text("language_code"), text("currency_code"), boolean("is_currency_active")])
    .text(&["language_code", "currency_code"]);
