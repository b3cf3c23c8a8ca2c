//! What attending costs, and where tickets are had.

use serde::{Deserialize, Serialize};

use crate::text::bounded;
use crate::{Money, Rejection};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    /// The event's own page, where tickets are had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PriceRange>,
    /// How many offers there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_count: Option<u32>,
    /// How many tickets are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_count: Option<u32>,
    /// In years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<u8>,
}

/// The cheapest and the dearest ticket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PriceRange {
    pub lowest: Money,
    pub highest: Money,
}

impl PriceRange {
    /// The range that covers both.
    pub fn widened(self, price: Money) -> Result<PriceRange, Rejection> {
        if price.currency != self.lowest.currency {
            return Err(mixed());
        }
        let mut range = self;
        if price.minor < range.lowest.minor {
            range.lowest = price;
        }
        if price.minor > range.highest.minor {
            range.highest = price;
        }
        Ok(range)
    }
}

impl Offers {
    pub(super) fn check(&self) -> Result<(), Rejection> {
        if let Some(url) = &self.url {
            bounded("url", url, 2000)?;
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(Rejection::invalid("web-address-form", "url", "is not a web address"));
            }
        }
        match self.prices {
            Some(PriceRange { lowest, highest }) if lowest.currency != highest.currency => Err(mixed()),
            Some(PriceRange { lowest, highest }) if lowest.minor > highest.minor => {
                Err(Rejection::invalid("prices-in-order", "prices", "the lowest is above the highest"))
            }
            _ => Ok(()),
        }
    }
}

fn mixed() -> Rejection {
    Rejection::invalid("prices-in-one-currency", "prices", "are in different currencies")
}
