//! Crews and trip bookings as a caller may see them, for all dialects.

use std::collections::{BTreeSet, HashMap};

use caravan_domain::identity::AccountState;
use caravan_domain::trips::booking::{TripBooking, TripBookingState, TripBookings, no_such_booking};
use caravan_domain::trips::crew::{self, CrewState, Crews, no_such_crew};
use caravan_domain::{EntityId, Sealed};
use caravan_projections::{Condition, Document, Plan};
use caravan_wire::{Answer, Call, Failure, Stream};
use serde_json::Value;

use crate::Read;
use crate::reads::everything;

/// A booking that the caller may see.
pub(crate) struct VisibleBooking {
    pub id: EntityId,
    document: Document<TripBookingState>,
    crew: CrewState,
}

impl VisibleBooking {
    pub fn booking(&self) -> Result<&TripBooking, Failure> {
        Ok(self.document.state.booking()?)
    }

    /// The members' phone numbers that the caller may see: their own, those of members who take part, and those by
    /// which they invited somebody who still has them.
    pub async fn numbers<'a>(
        &self,
        call: &Call<Read>,
        accounts: &'a HashMap<EntityId, AccountState>,
    ) -> Result<HashMap<EntityId, &'a Sealed>, Failure> {
        let reader = call.account()?;
        let (booking, crew) = (self.booking()?, self.crew.crew().ok());
        let mut numbers = HashMap::new();
        let mut invited: Vec<(EntityId, &'a Sealed, &Sealed)> = vec![];
        for person in &booking.members {
            let Some(account) = accounts.get(person) else { continue };
            let shown = *person == reader
                || booking.shows_number(*person, reader)
                || crew.is_some_and(|crew| crew.shows_number(*person, reader));
            let by_number = crew.and_then(|crew| crew.invited_by_number(*person, reader));
            match (account.phone(), account.own_phone(), by_number) {
                (Some(number), ..) if shown => drop(numbers.insert(*person, number)),
                (_, Some(own), Some(known)) => invited.push((*person, own, known)),
                _ => {}
            }
        }
        let both: Vec<&Sealed> = invited.iter().flat_map(|(_, own, known)| [*own, *known]).collect();
        let opened = call.state.vault.open_many(&both).await?;
        let same = invited.iter().zip(opened.chunks(2)).filter(|(_, opened)| opened[0] == opened[1]);
        numbers.extend(same.map(|((person, own, _), _)| (*person, *own)));
        Ok(numbers)
    }

    /// An answer that comes from the booking alone.
    pub fn answer(&self, body: Value) -> Answer<Stream> {
        Answer::json(body).of(self.document.revision, self.document.position)
    }

    pub fn position(&self) -> i64 {
        self.document.position
    }
}

/// The booking, if the caller may see it.
pub(crate) async fn visible_booking(call: &Call<Read>, id: EntityId) -> Result<VisibleBooking, Failure> {
    let actor = call.account()?;
    let models = &call.state.models;
    let found = models.get_with_parent::<TripBookings, Crews>(id).await?;
    let (document, crew) = found.ok_or_else(no_such_booking)?;
    let crew = crew.map(|crew| crew.state).unwrap_or_default();
    document.state.booking()?.only_seen_by(actor, &crew)?;
    Ok(VisibleBooking { id, document, crew })
}

/// The crews of which the caller is a member.
pub(crate) async fn own_crews(call: &Call<Read>) -> Result<Vec<Document<CrewState>>, Failure> {
    let member = vec![call.account()?.to_string()];
    everything(&call.state, Plan::all(&crew::KIND, 1_000).and(Condition::Contains("members", member))).await
}

/// The id of a crew, if it exists and the caller is a member.
pub(crate) async fn own_crew(call: &Call<Read>, id: EntityId) -> Result<EntityId, Failure> {
    let crew = call.state.models.get::<Crews>(id).await?.ok_or_else(no_such_crew)?;
    crew.state.crew()?.only_members(call.account()?)?;
    Ok(id)
}

/// Everybody in a crew with the caller.
pub(crate) async fn crewmates(call: &Call<Read>) -> Result<BTreeSet<EntityId>, Failure> {
    let crews = own_crews(call).await?;
    Ok(crews.iter().filter_map(|crew| crew.state.crew().ok()).flat_map(|crew| crew.members.iter().copied()).collect())
}
