//! What staff set for the whole installation: its names and addresses, and the keys of the services that it uses, which
//! are sealed and shown to staff alone.

use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::access::STAFF;
use crate::record::{Personal, personal};
use crate::{Record, Sealed, Who};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[garde(length(chars, max = 2_000))]
    pub app_environment: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub app_name: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub tagline: Option<String>,
    #[garde(skip)]
    pub secret: Option<Sealed>,
    /// Minutes until an order that nobody pays lapses.
    #[garde(range(min = 1, max = 1_440))]
    #[serde(default = "usual_expiry")]
    pub order_expiry_time: u32,
    #[garde(length(chars, max = 2_000))]
    pub start_pg_event_id: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub storage_place: Option<String>,
    #[garde(skip)]
    pub aws_key: Option<Sealed>,
    #[garde(skip)]
    pub aws_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub aws_bucket_name: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub aws_region: Option<String>,
    #[garde(skip)]
    pub gs_key: Option<Sealed>,
    #[garde(skip)]
    pub gs_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub gs_bucket_name: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub google_client_id: Option<String>,
    #[garde(skip)]
    pub google_client_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub fb_client_id: Option<String>,
    #[garde(skip)]
    pub fb_client_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub tw_consumer_key: Option<String>,
    #[garde(skip)]
    pub tw_consumer_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub in_client_id: Option<String>,
    #[garde(skip)]
    pub in_client_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub stripe_client_id: Option<String>,
    #[garde(skip)]
    pub stripe_secret_key: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub stripe_publishable_key: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub paypal_mode: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub paypal_sandbox_client: Option<String>,
    #[garde(skip)]
    pub paypal_sandbox_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub paypal_client: Option<String>,
    #[garde(skip)]
    pub paypal_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub omise_mode: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub omise_test_public: Option<String>,
    #[garde(skip)]
    pub omise_test_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub omise_live_public: Option<String>,
    #[garde(skip)]
    pub omise_live_secret: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub email_service: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub email_from: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub email_from_name: Option<String>,
    #[garde(skip)]
    pub sendgrid_key: Option<Sealed>,
    #[garde(length(chars, max = 2_000))]
    pub smtp_host: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub smtp_username: Option<String>,
    #[garde(skip)]
    pub smtp_password: Option<Sealed>,
    #[garde(range(min = 1, max = 65_535))]
    pub smtp_port: Option<u32>,
    #[garde(length(chars, max = 2_000))]
    pub smtp_encryption: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub analytics_key: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub google_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub github_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub twitter_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub support_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub facebook_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub youtube_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub android_app_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub web_app_url: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub static_domain: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub frontend_url: Option<String>,
    #[garde(length(chars, max = 100_000))]
    pub cookie_policy: Option<String>,
    #[garde(length(chars, max = 2_000))]
    pub cookie_policy_link: Option<String>,
}

fn usual_expiry() -> u32 {
    15
}

/// Of the installation itself.
const SECRETS: &[Personal] = &[
    personal("secret", "id"),
    personal("aws_key", "id"),
    personal("aws_secret", "id"),
    personal("gs_key", "id"),
    personal("gs_secret", "id"),
    personal("google_client_secret", "id"),
    personal("fb_client_secret", "id"),
    personal("tw_consumer_secret", "id"),
    personal("in_client_secret", "id"),
    personal("stripe_secret_key", "id"),
    personal("paypal_sandbox_secret", "id"),
    personal("paypal_secret", "id"),
    personal("omise_test_secret", "id"),
    personal("omise_live_secret", "id"),
    personal("sendgrid_key", "id"),
    personal("smtp_password", "id"),
];

/// What only staff see.
const PRIVATE: &[(&str, Who)] = &[
    ("app_environment", STAFF),
    ("secret", STAFF),
    ("storage_place", STAFF),
    ("aws_key", STAFF),
    ("aws_secret", STAFF),
    ("aws_bucket_name", STAFF),
    ("aws_region", STAFF),
    ("gs_key", STAFF),
    ("gs_secret", STAFF),
    ("gs_bucket_name", STAFF),
    ("google_client_id", STAFF),
    ("google_client_secret", STAFF),
    ("fb_client_id", STAFF),
    ("fb_client_secret", STAFF),
    ("tw_consumer_key", STAFF),
    ("tw_consumer_secret", STAFF),
    ("in_client_id", STAFF),
    ("in_client_secret", STAFF),
    ("stripe_client_id", STAFF),
    ("stripe_secret_key", STAFF),
    ("stripe_publishable_key", STAFF),
    ("paypal_mode", STAFF),
    ("paypal_sandbox_client", STAFF),
    ("paypal_sandbox_secret", STAFF),
    ("paypal_client", STAFF),
    ("paypal_secret", STAFF),
    ("omise_mode", STAFF),
    ("omise_test_public", STAFF),
    ("omise_test_secret", STAFF),
    ("omise_live_public", STAFF),
    ("omise_live_secret", STAFF),
    ("email_service", STAFF),
    ("email_from", STAFF),
    ("email_from_name", STAFF),
    ("sendgrid_key", STAFF),
    ("smtp_host", STAFF),
    ("smtp_username", STAFF),
    ("smtp_password", STAFF),
    ("smtp_port", STAFF),
    ("smtp_encryption", STAFF),
    ("google_url", STAFF),
    ("github_url", STAFF),
    ("twitter_url", STAFF),
    ("support_url", STAFF),
    ("facebook_url", STAFF),
    ("youtube_url", STAFF),
    ("android_app_url", STAFF),
    ("web_app_url", STAFF),
];

/// There is one.
pub const SETTINGS: Record =
    Record::of::<Settings>("settings").known(Who::Anyone).changed(STAFF).private(PRIVATE).personal(SECRETS);
