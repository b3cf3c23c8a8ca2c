//! `crews`: crews and their members.

use caravan_commands::trips::{CrewChange, NewCrew};
use caravan_domain::trips::crew::{CrewCommand, Description};
use caravan_wire::Call;
use caravan_wire::krugo::{ids, trips};
use serde::Deserialize;
use serde_json::json;

use super::requests::{Outcome, acting, optional_all, refused};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CreateCrew {
    admin_ids: Vec<String>,
    name: String,
    description: Option<Description>,
    has_crew_image: Option<bool>,
}

pub(super) async fn create_crew(call: Call<Write>) -> Outcome {
    let request: CreateCrew = call.body()?;
    let new = NewCrew {
        name: request.name,
        description: request.description,
        has_image: request.has_crew_image.unwrap_or(false),
        admin_ids: ids::parse_all(&request.admin_ids, "adminIds")?,
    };
    let made = call.state.commands.create_crew(new, &call.state.caller(&call).await?).await.map_err(refused)?;
    let body = trips::created_crew(made.id, made.done.state.crew()?);
    Ok(crate::answer(&made.done, body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct UpdateCrew {
    id: String,
    user_id: String,
    admin_ids: Option<Vec<String>>,
    name: Option<String>,
    description: Option<Description>,
    has_crew_image: Option<bool>,
}

pub(super) async fn update_crew(call: Call<Write>) -> Outcome {
    let request: UpdateCrew = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let id = ids::parse(&request.id, "id")?;
    let change = CrewChange {
        name: request.name,
        description: request.description,
        has_image: request.has_crew_image,
        admin_ids: optional_all(request.admin_ids.as_ref(), "adminIds")?,
    };
    let done = call.state.commands.update_crew(id, change, &call.state.caller(&call).await?).await.map_err(refused)?;
    Ok(crate::answer(&done, trips::crew(id, done.state.crew()?)))
}

/// Whether the new member has an account is not the client's to say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AddCrewMember {
    crew_id: String,
    user_id: String,
    new_member_id: String,
    #[serde(rename = "isKrugoUser")]
    _is_krugo_user: Option<bool>,
}

pub(super) async fn add_crew_member(call: Call<Write>) -> Outcome {
    let request: AddCrewMember = call.body()?;
    let actor = acting(&call, "userId", &request.user_id)?;
    let crew = ids::parse(&request.crew_id, "crewId")?;
    let person = ids::parse(&request.new_member_id, "newMemberId")?;
    let commands = &call.state.commands;
    let (person, done) =
        commands.add_crew_member(crew, person, &call.state.caller(&call).await?).await.map_err(refused)?;
    let temp = commands.temp_members(&[person]).await.map_err(refused)?.contains(&person);
    let body = json!({"crewId": crew, "userId": actor, "newMemberId": person, "isKrugoUser": !temp});
    Ok(crate::answer(&done, body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RemoveCrewMember {
    crew_id: String,
    user_id: String,
    removed_member_id: String,
}

pub(super) async fn remove_crew_member(call: Call<Write>) -> Outcome {
    let request: RemoveCrewMember = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let crew = ids::parse(&request.crew_id, "crewId")?;
    let person = ids::parse(&request.removed_member_id, "removedMemberId")?;
    let person = call.state.commands.present(person).await.map_err(refused)?;
    let caller = call.state.caller(&call).await?;
    let done = call.state.commands.remove_crew_member(crew, person, &caller).await.map_err(refused)?;
    let body = json!({"removedMemberId": person});
    Ok(crate::answer(&done, body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DeleteCrew {
    crew_id: String,
    user_id: String,
    /// Means nothing here.
    #[serde(rename = "removedMemberId")]
    _removed_member_id: Option<String>,
}

pub(super) async fn delete_crew(call: Call<Write>) -> Outcome {
    let request: DeleteCrew = call.body()?;
    acting(&call, "userId", &request.user_id)?;
    let crew = ids::parse(&request.crew_id, "crewId")?;
    let done = call
        .state
        .commands
        .change_crew(crew, CrewCommand::Delete, &call.state.caller(&call).await?)
        .await
        .map_err(refused)?;
    Ok(crate::answer(&done, json!({"crewId": crew})))
}
