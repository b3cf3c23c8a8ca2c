//! Who somebody is by their token, and what their roles grant. Every service answers it, each the same.

use caravan_domain::identity::account::Account;
use caravan_wire::rentals::permissions::{granted, is_name, scope};
use caravan_wire::rentals::sessions::session;
use caravan_wire::{Answer, Call, Failure, Stream};
use serde::Deserialize;
use serde_json::json;

use crate::Read;

pub(super) async fn current_user(call: Call<Read>) -> Result<Answer<Stream>, Failure> {
    let person = call.person()?;
    let ended = || Failure::unauthorised("this session has ended");
    let account = call.state.models.get::<Account>(person.account).await?.ok_or_else(ended)?;
    let registered = account.state.registered().ok_or_else(ended)?;
    let open = registered.session(person.session, call.now).ok_or_else(ended)?;
    let token = call.token.as_deref().unwrap_or_default();
    let shape = session(person.account, registered, open, token);
    Ok(Answer::json(shape).secret().of(account.revision, account.position))
}

pub(super) async fn permissions(call: Call<Read>) -> Result<Answer, Failure> {
    let person = call.person()?;
    Ok(Answer::json(granted(person.account, person.roles)))
}

#[derive(Deserialize)]
struct PermissionQuery {
    permission_name: String,
}

pub(super) async fn permission(call: Call<Read>) -> Result<Answer, Failure> {
    let PermissionQuery { permission_name } = call.query()?;
    if !is_name(&permission_name) {
        return Err(Failure::invalid("permission_name", "is no name of a permission, such as auth:listUsers"));
    }
    Ok(Answer::json(scope(call.person()?.roles, &permission_name)))
}

#[derive(Deserialize)]
struct KeyQuery {
    key_id: Option<String>,
}

/// The public half of the key that signs, or of one whose tokens are still good.
pub(super) async fn public_key(call: Call<Read>) -> Result<Answer, Failure> {
    let KeyQuery { key_id } = call.query()?;
    let key = call.state.vault.public_key(key_id.as_deref());
    let key = key.ok_or_else(|| Failure::not_found("no such key").on("key_id"))?;
    Ok(Answer::json(json!({"keyId": key.id, "keyData": key.pem})))
}
