//! Text messages through a webhook: one POST of JSON each.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode, Url};
use serde_json::json;

use super::{Carrier, CarrierSettingError, DeliveryError, Message};

/// How long the other side may take to accept a message.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Webhook {
    client: Client,
    url: Url,
}

impl Webhook {
    /// `url` may hold credentials, sent as basic authentication.
    pub fn new(url: &str) -> Result<Webhook, CarrierSettingError> {
        let wrong = |reason: &str| CarrierSettingError { setting: "CARAVAN_SMS", reason: reason.to_owned() };
        let url: Url = url.parse().map_err(|_| wrong("expected outbox or https://…"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("expected outbox or https://…"));
        }
        let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Webhook { client: client.map_err(|_| wrong("no HTTP client can be made"))?, url })
    }
}

#[async_trait]
impl Carrier for Webhook {
    /// Posts `{id, to, text, template}` with the message's id as `Idempotency-Key`. 2xx accepts; 408, 425, 429 and 5xx
    /// ask for another try; everything else refuses.
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let body = json!({
            "id": message.id, "to": message.to, "text": message.text, "template": message.template,
        });
        let request = self.client.post(self.url.clone()).header("Idempotency-Key", message.id.to_string()).json(&body);
        match request.send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)) => {
                Err(DeliveryError::Later(format!("the webhook answers {status}")))
            }
            Ok(status) if status.is_server_error() => {
                Err(DeliveryError::Later(format!("the webhook answers {status}")))
            }
            Ok(status) => Err(DeliveryError::Refused(format!("the webhook answers {status}"))),
            Err(error) if error.is_timeout() => {
                Err(DeliveryError::Later("the webhook does not answer in time".to_owned()))
            }
            Err(_) => Err(DeliveryError::Later("the webhook cannot be reached".to_owned())),
        }
    }
}
