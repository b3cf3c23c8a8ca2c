//! `inviteusers`: people are invited to a crew, whether or not they have an account.

use caravan_commands::trips::NewInvite;
use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_wire::krugo::ids;
use caravan_wire::{Answer, Call, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::requests::{Outcome, acting, refused};
use crate::Write;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SendInvites {
    inviter_user_id: String,
    crew_id: String,
    #[serde(default)]
    new_invites: Vec<NewPerson>,
    #[serde(default)]
    users: Vec<InvitedUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewPerson {
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: String,
}

/// Only the id counts: names and numbers are the person's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InvitedUser {
    id: String,
    #[serde(rename = "firstName")]
    _first_name: Option<String>,
    #[serde(rename = "lastName")]
    _last_name: Option<String>,
    #[serde(rename = "phoneNumber")]
    _phone_number: Option<String>,
    #[serde(rename = "isKrugoUser")]
    _is_krugo_user: Option<bool>,
}

pub(super) async fn send_invites_for_crew(call: Call<Write>) -> Outcome {
    let request: SendInvites = call.body()?;
    acting(&call, "inviterUserId", &request.inviter_user_id)?;
    let crew = ids::parse(&request.crew_id, "crewId")?;
    let users =
        request.users.iter().enumerate().map(|(index, user)| ids::parse(&user.id, &format!("users[{index}].id")));
    let users = users.collect::<Result<Vec<EntityId>, Failure>>()?;
    let new = request.new_invites.into_iter().map(|person| NewInvite {
        phone_number: person.phone_number,
        first_name: person.first_name,
        last_name: person.last_name,
    });
    let caller = call.state.caller(&call).await?;
    let invited = call.state.commands.invite_to_crew(crew, users, new.collect(), &caller).await.map_err(refused)?;
    let mut body = Vec::with_capacity(invited.people.len());
    for (person, state) in &invited.people {
        body.push(invited_user(&call, *person, state).await?);
    }
    Ok(Answer::json(Value::Array(body)).position(invited.position))
}

/// `InvitedUser`
async fn invited_user(call: &Call<Write>, person: EntityId, state: &AccountState) -> Result<Value, Failure> {
    let mut shape = json!({"id": person, "isKrugoUser": state.registered().is_some()});
    let told = [("firstName", state.first_name()), ("lastName", state.last_name()), ("phoneNumber", state.phone())];
    for (name, sealed) in told {
        if let Some(sealed) = sealed {
            shape[name] = json!(call.state.commands.vault().open_text(sealed).await?);
        }
    }
    Ok(shape)
}
