//! `crews`: crews and their members.

use caravan_commands::trips::{CrewChange, NewCrew};
use caravan_domain::EntityId;
use caravan_domain::trips::crew::{CrewCommand, Description};
use caravan_wire::Call;
use caravan_wire::krugo::trips;
use serde::Deserialize;
use serde_json::json;

use super::requests::Outcome;
use crate::{Write, answer};

#[derive(Deserialize)]
struct CreateCrew {
    admin_ids: Vec<EntityId>,
    name: String,
    description: Option<Description>,
    has_image: Option<bool>,
}

pub(super) async fn create_crew(call: Call<Write>) -> Outcome {
    let CreateCrew { admin_ids, name, description, has_image } = call.body()?;
    let new = NewCrew { name, description, has_image: has_image.unwrap_or(false), admin_ids };
    let done = call.state.commands.create_crew(new, &call.state.caller(&call).await?).await?;
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

pub(super) async fn update_crew(call: Call<Write>) -> Outcome {
    let UpdateCrew { id, admin_ids, name, description, has_image } = call.body()?;
    let change = CrewChange { name, description, has_image, admin_ids };
    let done = call.state.commands.update_crew(id, change, &call.state.caller(&call).await?).await?;
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

pub(super) async fn add_crew_member(call: Call<Write>) -> Outcome {
    let AddCrewMember { crew_id, person, .. } = call.body()?;
    let commands = &call.state.commands;
    let (person, done) = commands.add_crew_member(crew_id, person, &call.state.caller(&call).await?).await?;
    let temp = commands.temp_members(&[person]).await?.contains(&person);
    let body = json!({"crewId": crew_id, "userId": call.account()?, "newMemberId": person, "isKrugoUser": !temp});
    answer(&done, body)
}

#[derive(Deserialize)]
struct RemoveCrewMember {
    crew_id: EntityId,
    person: EntityId,
}

pub(super) async fn remove_crew_member(call: Call<Write>) -> Outcome {
    let RemoveCrewMember { crew_id, person } = call.body()?;
    let person = call.state.commands.present(person).await?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.remove_crew_member(crew_id, person, &caller).await?;
    answer(&done, json!({"removedMemberId": person}))
}

#[derive(Deserialize)]
struct DeleteCrew {
    crew_id: EntityId,
    /// Means nothing here.
    #[serde(rename = "removedMemberId")]
    _removed_member_id: Option<String>,
}

pub(super) async fn delete_crew(call: Call<Write>) -> Outcome {
    let DeleteCrew { crew_id, .. } = call.body()?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.change_crew(crew_id, CrewCommand::Delete, &caller).await?;
    answer(&done, json!({"crewId": crew_id}))
}
