//! Whether this process can serve: every part it consists of says so itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The parts of a process and what each still waits for. Ready when all are.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Option<String>>>>);

impl Readiness {
    /// A process made of these parts, none ready.
    pub fn of(parts: &[&'static str]) -> Self {
        metrics::describe_gauge!("caravan_ready", "1 for each part of this process that can serve, else 0");
        for part in parts {
            metrics::gauge!("caravan_ready", "part" => *part).set(0);
        }
        let parts = parts.iter().map(|part| (*part, Some("is starting".to_owned())));
        Readiness(Arc::new(Mutex::new(parts.collect())))
    }

    pub fn ready(&self, part: &'static str) {
        self.set(part, None);
    }

    /// `part` cannot serve now; `reason` is shown to whoever asks and names no secrets.
    pub fn not_ready(&self, part: &'static str, reason: impl Into<String>) {
        self.set(part, Some(reason.into()));
    }

    fn set(&self, part: &'static str, reason: Option<String>) {
        metrics::gauge!("caravan_ready", "part" => part).set(u8::from(reason.is_none()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part, reason);
    }

    /// What keeps the process from serving; empty when it can.
    pub(crate) fn missing(&self) -> BTreeMap<&'static str, String> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter_map(|(part, reason)| Some((*part, reason.clone()?))).collect()
    }
}
