//! Text and push messages through a webhook: one POST of JSON each, signed as Standard Webhooks say
//! (<https://www.standardwebhooks.com>), so that the other side knows who asks and libraries of any language check it.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caravan_domain::identity::Medium;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode, Url};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use super::{Carrier, CarrierSettingError, DeliveryError, Message};

/// How long the other side may take to accept a message.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Webhook {
    client: Client,
    url: Url,
    secret: Option<Secret>,
}

/// What requests are signed with.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// The secret that a setting holds: `whsec_` and 24 to 64 bytes in base64; none where it is empty.
pub fn secret(setting: &str) -> Result<Option<Secret>, CarrierSettingError> {
    if setting.is_empty() {
        return Ok(None);
    }
    let key = setting.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    let key = key.filter(|key| (24..=64).contains(&key.len())).ok_or_else(|| CarrierSettingError {
        setting: "CARAVAN_WEBHOOK_SECRET",
        reason: "expected whsec_ and 24 to 64 bytes in base64".to_owned(),
    })?;
    Ok(Some(Secret(key)))
}

impl Secret {
    /// `v1,` and the base64 of the HMAC over id, Unix time and body.
    fn signature(&self, id: Uuid, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl Webhook {
    /// `url` may hold credentials, sent as basic authentication; `setting` is where it stands.
    pub fn new(setting: &'static str, url: &str, secret: Option<Secret>) -> Result<Webhook, CarrierSettingError> {
        let wrong = |reason: &str| CarrierSettingError { setting, reason: reason.to_owned() };
        let url: Url = url.parse().map_err(|_| wrong("expected outbox or https://…"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("expected outbox or https://…"));
        }
        let client = Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Webhook { client: client.map_err(|_| wrong("no HTTP client can be made"))?, url, secret })
    }
}

#[async_trait]
impl Carrier for Webhook {
    /// Posts `{id, to, text, template}`, of a push message with a `subject`; the message's id is its `Idempotency-Key`
    /// and `webhook-id`. 2xx accepts; 410 says that a device is gone (404 may be of a wrong URL, which would drop every
    /// device); 408, 425, 429 and 5xx ask for another try; everything else refuses.
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let id = message.id;
        let mut body = json!({"id": id, "to": message.to, "text": message.text, "template": message.template});
        if let Some(subject) = &message.subject {
            body["subject"] = json!(subject);
        }
        let body = body.to_string();
        let mut request = self.client.post(self.url.clone()).header("Content-Type", "application/json");
        request = request.header("Idempotency-Key", id.to_string()).header("webhook-id", id.to_string());
        if let Some(secret) = &self.secret {
            // The machine's time, as the other side goes by it: a request that is replayed later is too old.
            let timestamp = Utc::now().timestamp();
            let signature = secret.signature(id, timestamp, body.as_bytes());
            request = request.header("webhook-timestamp", timestamp).header("webhook-signature", signature);
        }
        let is_of_device = message.channel == Medium::Push;
        match request.body(body).send().await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Ok(()),
            Ok(StatusCode::GONE) if is_of_device => Err(DeliveryError::Gone),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        // Made with Python: base64(hmac.new(key, b"<id>.1800000000.{}", sha256).digest()).
        let secret = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap().unwrap();
        let signature = secret.signature(Uuid::from_u128(7), 1_800_000_000, b"{}");
        assert_eq!(signature, "v1,aNmjLZqq0x0l3V7g8D5M2VL2Wa6rrNOIbufblmK0sBA=");
    }

    #[test]
    fn a_secret_has_a_prefix_and_enough_bytes() {
        assert!(secret("").unwrap().is_none());
        for wrong in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2VjcmV0", "whsec_###"] {
            let error = secret(wrong).err().unwrap();
            assert_eq!(error.setting, "CARAVAN_WEBHOOK_SECRET", "{wrong}");
            assert!(!error.to_string().contains("c2VjcmV0"));
        }
    }
}
