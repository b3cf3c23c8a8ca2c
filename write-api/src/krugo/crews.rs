//! `crews`: crews and their members.

use caravan_commands::identity::people;
use caravan_commands::trips::crews;
use caravan_domain::EntityId;
use caravan_domain::trips::crew::{CrewChange, CrewCommand, Crews, Description, NewCrew};
use caravan_wire::krugo::trips;
use caravan_wire::{Call, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::{Write, answer, asking};

#[derive(Deserialize)]
struct CreateCrew {
    admin_ids: Vec<EntityId>,
    name: String,
    description: Option<Description>,
    has_image: Option<bool>,
}

pub(super) async fn create_crew(call: Call<Write>) -> Outcome<Stream> {
    let CreateCrew { admin_ids, name, description, has_image } = call.body()?;
    let new = NewCrew { name, description, has_image: has_image.unwrap_or(false), admin_ids };
    let done = crews::create(&asking(&call).await?, new).await?;
    let body = trips::created_crew(done.id, done.state.crew()?);
    answer(&done, body)
}

#[derive(Deserialize)]
struct UpdateCrew {
    id: EntityId,
    admin_ids: Option<Vec<EntityId>>,
    name: Option<String>,
    description: Option<Description>,
    has_image: Option<bool>,
}

pub(super) async fn update_crew(call: Call<Write>) -> Outcome<Stream> {
    let UpdateCrew { id, admin_ids, name, description, has_image } = call.body()?;
    let change = CrewChange { name, description, has_image, admin_ids };
    let done = crews::change(&asking(&call).await?, id, change).await?;
    answer(&done, trips::crew(id, done.state.crew()?))
}

/// Whether the new member has an account is not the client's to say.
#[derive(Deserialize)]
struct AddCrewMember {
    crew_id: EntityId,
    person: EntityId,
    #[serde(rename = "isKrugoUser")]
    _is_krugo_user: Option<bool>,
}

pub(super) async fn add_crew_member(call: Call<Write>) -> Outcome<Stream> {
    let AddCrewMember { crew_id, person, .. } = call.body()?;
    let (person, done) = crews::add_member(&asking(&call).await?, crew_id, person).await?;
    let temp = people::temp_members(&call.state.commands, &[person]).await?.contains(&person);
    let body = json!({"crewId": crew_id, "userId": call.account()?, "newMemberId": person, "isKrugoUser": !temp});
    answer(&done, body)
}

#[derive(Deserialize)]
struct RemoveCrewMember {
    crew_id: EntityId,
    person: EntityId,
}

pub(super) async fn remove_crew_member(call: Call<Write>) -> Outcome<Stream> {
    let RemoveCrewMember { crew_id, person } = call.body()?;
    let person = people::present(&call.state.commands, person).await?;
    let done = crews::remove_member(&asking(&call).await?, crew_id, person).await?;
    answer(&done, json!({"removedMemberId": person}))
}

#[derive(Deserialize)]
struct DeleteCrew {
    crew_id: EntityId,
    /// Means nothing here.
    #[serde(rename = "removedMemberId")]
    _removed_member_id: Option<String>,
}

pub(super) async fn delete_crew(call: Call<Write>) -> Outcome<Stream> {
    let DeleteCrew { crew_id, .. } = call.body()?;
    let asking = asking(&call).await?;
    let done = asking.send::<Crews>(crew_id, CrewCommand::Delete).await?;
    answer(&done, json!({"crewId": crew_id}))
}
