//! Who is a temp member, remembered as far as it never changes.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_domain::identity::account::Account;
use caravan_projections::{ReadError, ReadModels};
use lru::LruCache;

/// People remembered at most.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).expect("is not zero");

/// People who were seen to be no temp members (any more): nobody becomes one again, so their accounts need not be read
/// for that.
pub struct People(Mutex<LruCache<EntityId, ()>>);

impl Default for People {
    fn default() -> Self {
        People(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl People {
    /// Which of these are temp members.
    pub(crate) async fn temps(
        &self,
        models: &ReadModels,
        mut people: BTreeSet<EntityId>,
    ) -> Result<Vec<EntityId>, ReadError> {
        people.retain(|person| self.remembered().get(person).is_none());
        let people: Vec<EntityId> = people.into_iter().collect();
        let mut temps = vec![];
        for account in models.get_many::<Account>(&people).await? {
            match account.state {
                AccountState::Invited(_) => temps.push(account.id),
                AccountState::Unknown => {}
                AccountState::Registered(_) | AccountState::Absorbed { .. } | AccountState::Forgotten { .. } => {
                    self.remembered().put(account.id, ());
                }
            }
        }
        Ok(temps)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, LruCache<EntityId, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
