//! Queries of the `users` group.

use caravan_domain::EntityId;
use caravan_domain::identity::preferences::{PREFERENCES, Preferences};
use caravan_domain::identity::{Account, AccountState, Attribute, credentials};
use caravan_files::pictures::Size;
use caravan_wire::krugo::accounts;
use caravan_wire::shape::{sealed, set};
use caravan_wire::{Answer, Call, Failure, Outcome, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::Read;

#[derive(Deserialize)]
struct PictureQuery {
    user_id: EntityId,
    /// The one picture there is serves every size.
    #[serde(rename = "size")]
    _size: Option<Size>,
}

/// The picture of anybody known; without one the answer says nothing. Nor does it say how far their account has come:
/// everybody would see them log in.
pub(super) async fn profile_picture(call: Call<Read>) -> Outcome {
    let PictureQuery { user_id: id, .. } = call.query()?;
    let unknown = || Failure::not_found("no such user").on("user_id");
    let account = call.state.models.get::<Account>(id).await?.ok_or_else(unknown)?;
    let picture = match &account.state {
        AccountState::Invited(_) => None,
        AccountState::Registered(registered) => registered.attribute(Attribute::Picture),
        AccountState::Unknown | AccountState::Absorbed { .. } | AccountState::Forgotten { .. } => return Err(unknown()),
    };
    let mut shape = json!({});
    set(&mut shape, "profilePictureUrl", picture.map(sealed));
    Ok(Answer::json(shape))
}

/// Where none were ever set, those of somebody who wants nothing in particular.
pub(super) async fn preferences(call: Call<Read>) -> Outcome<Option<Stream>> {
    let account = call.account()?;
    let found = call.state.models.record::<Preferences>(&PREFERENCES, account).await?;
    let origin = found.as_ref().map(|found| Stream { revision: found.revision, position: found.position });
    let preferences = found.map(|found| found.state).unwrap_or_default();
    Ok(Answer::json(accounts::preferences(account, &preferences)).coming_from(origin))
}

#[derive(Deserialize)]
struct MfaQuery {
    username: String,
    refresh_token: String,
}

pub(super) async fn mfa_status(call: Call<Read>) -> Outcome<Stream> {
    let query: MfaQuery = call.body()?;
    let actor = call.account()?;
    let invalid = || Failure::unauthorised("this refresh token is not valid");
    let account = call.state.models.get::<Account>(actor).await?.ok_or_else(invalid)?;
    let registered = account.state.registered().ok_or_else(invalid)?;
    let username = call.state.vault.open_text(&registered.registration.username).await?;
    if username != credentials::normalised_username(&query.username) {
        return Err(Failure::forbidden("is not your user name").on("username"));
    }
    let refresh = call.state.vault.verify_refresh(&query.refresh_token).map_err(|_| invalid())?;
    let session = registered.session(refresh.session, call.now);
    if refresh.account != actor || !session.is_some_and(|session| session.accepts(refresh.generation, call.now)) {
        return Err(invalid());
    }
    let answer = Answer::json(json!({"mfaEnabled": registered.mfa}));
    Ok(answer.of(account.revision, account.position))
}
