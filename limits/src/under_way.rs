//! The attempts of this process whose outcome is open. Their places may become free in a moment.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many attempts are open under each key.
#[derive(Default)]
pub(crate) struct UnderWay {
    keys: Mutex<HashMap<String, usize>>,
    pub(crate) ended: Notify,
}

impl UnderWay {
    fn keys(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn any(&self, asked: &[String]) -> bool {
        let keys = self.keys();
        asked.iter().any(|key| keys.contains_key(key))
    }

    pub(crate) fn begin(&self, begun: &[String]) {
        let mut keys = self.keys();
        for key in begun {
            *keys.entry(key.clone()).or_default() += 1;
        }
    }

    pub(crate) fn end(&self, ended: &[String]) {
        let mut keys = self.keys();
        for key in ended {
            if let Some(count) = keys.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    keys.remove(key);
                }
            }
        }
        drop(keys);
        self.ended.notify_waiters();
    }
}
