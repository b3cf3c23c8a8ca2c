//! `inviteusers`: people are invited to a crew, whether or not they have an account.

use caravan_commands::trips::crews::{self, NewInvite};
use caravan_domain::EntityId;
use caravan_domain::identity::AccountState;
use caravan_wire::{Answer, Call, Failure, Log};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Write, asking};

#[derive(Deserialize)]
struct SendInvites {
    crew_id: EntityId,
    #[serde(default)]
    new_invites: Vec<NewPerson>,
    #[serde(default)]
    users: Vec<InvitedUser>,
}

#[derive(Deserialize)]
struct NewPerson {
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: String,
}

/// Only the id counts.
#[derive(Deserialize)]
struct InvitedUser {
    id: EntityId,
    first_name: Option<String>,
    last_name: Option<String>,
    phone_number: Option<String>,
    #[serde(rename = "isKrugoUser")]
    _is_krugo_user: Option<bool>,
}

pub(super) async fn send_invites_for_crew(call: Call<Write>) -> Result<Answer<Log>, Failure> {
    let request: SendInvites = call.body()?;
    let users = request.users.iter().map(|user| user.id).collect();
    let new = request.new_invites.iter().map(|person| NewInvite {
        phone_number: person.phone_number.clone(),
        first_name: person.first_name.clone(),
        last_name: person.last_name.clone(),
    });
    let invited = crews::invite(&asking(&call).await?, request.crew_id, users, new.collect()).await?;
    let by_id =
        request.users.iter().map(|user| [&user.first_name, &user.last_name, &user.phone_number].map(Option::as_ref));
    let by_number = request
        .new_invites
        .iter()
        .map(|person| [person.first_name.as_ref(), person.last_name.as_ref(), Some(&person.phone_number)]);
    let entries = invited.people.iter().zip(by_id.chain(by_number));
    let body = entries.map(|((person, state), told)| invited_user(*person, state, told)).collect();
    Ok(Answer::json(body).at(invited.position))
}

/// `InvitedUser`: first and last name and number are what the inviter has just said, whoever the person is.
fn invited_user(person: EntityId, state: &AccountState, told: [Option<&String>; 3]) -> Value {
    let mut shape = json!({"id": person, "isKrugoUser": state.registered().is_some()});
    for (name, text) in ["firstName", "lastName", "phoneNumber"].into_iter().zip(told) {
        if let Some(text) = text {
            shape[name] = json!(text);
        }
    }
    shape
}
