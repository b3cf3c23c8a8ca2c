//! People as queries of all dialects look them up: who has no account, who has a phone number.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use caravan_domain::identity::AccountState;
use caravan_domain::identity::account::Account;
use caravan_domain::identity::claim::Claim;
use caravan_domain::{EntityId, Sealed};
use caravan_limits::known::{NUMBERS_PER_ACCOUNT, NUMBERS_PER_ADDRESS};
use caravan_projections::{ReadError, ReadModels};
use caravan_wire::{Call, Failure};
use lru::LruCache;

use crate::Read;
use crate::trips::crewmates;

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
    async fn temps(&self, models: &ReadModels, mut people: BTreeSet<EntityId>) -> Result<Vec<EntityId>, ReadError> {
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

/// The accounts of these people, those unknown left out.
pub(crate) async fn accounts(
    call: &Call<Read>,
    people: &[EntityId],
) -> Result<HashMap<EntityId, AccountState>, Failure> {
    let accounts = call.state.models.get_many::<Account>(people).await?;
    Ok(accounts.into_iter().map(|account| (account.id, account.state)).collect())
}

/// Which of these people have no account.
pub(crate) async fn temps(
    call: &Call<Read>,
    people: impl IntoIterator<Item = EntityId>,
) -> Result<BTreeSet<EntityId>, Failure> {
    let people = people.into_iter().collect::<BTreeSet<_>>();
    Ok(call.state.people.temps(&call.state.models, people).await?.into_iter().collect())
}

/// Who has one of these phone numbers, as stored, and which: accounts that have proven it, and temp members in one of
/// the caller's crews. Each number asked for counts against the caller.
pub(crate) async fn found_by_number(
    call: &Call<Read>,
    numbers: Vec<String>,
) -> Result<Vec<(EntityId, AccountState, String)>, Failure> {
    let asker = call.account()?;
    let claimed = |number: String| (call.state.vault.claim_id("phone", &number), number);
    let mut numbers: BTreeMap<EntityId, String> = numbers.into_iter().map(claimed).collect();
    let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    let asked = [NUMBERS_PER_ACCOUNT.of(asker).times(count), NUMBERS_PER_ADDRESS.of(call.address).times(count)];
    if count > 0 {
        call.state.limits.spend(&asked).await?;
    }
    let claims: Vec<EntityId> = numbers.keys().copied().collect();
    let held = call.state.models.get_many::<Claim>(&claims).await?;
    let owners: Vec<EntityId> = held.iter().filter_map(|claim| claim.state.owner).collect();
    let owners = accounts(call, &owners).await?;
    let present: BTreeMap<EntityId, EntityId> =
        owners.iter().map(|(id, account)| (*id, account.present(*id))).collect();
    let accounts = accounts(call, &present.values().copied().collect::<Vec<_>>()).await?;
    let holders = held.iter().filter_map(|claim| {
        let owner = present.get(&claim.state.owner?)?;
        Some((*owner, numbers.remove(&claim.id)?, accounts.get(owner)?))
    });
    let holders: Vec<_> = holders.filter(|(.., account)| account.own_phone().is_some()).collect();
    let theirs: Vec<&Sealed> = holders.iter().filter_map(|(.., account)| account.own_phone()).collect();
    let theirs = call.state.vault.open_many(&theirs).await?;
    let proven = holders.into_iter().zip(theirs).filter(|((_, number, _), theirs)| number == theirs);
    let mut found: Vec<_> = proven.map(|((owner, number, account), _)| (owner, account.clone(), number)).collect();
    if found.iter().any(|(_, account, _)| account.registered().is_none()) {
        let crewmates = crewmates(call).await?;
        found.retain(|(owner, account, _)| account.registered().is_some() || crewmates.contains(owner));
    }
    found.sort_by_key(|(owner, ..)| (owner.number(), *owner));
    Ok(found)
}
