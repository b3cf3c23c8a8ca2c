//! Shapes of the `users` group. The contract's names stand above each function.

use std::collections::BTreeMap;

use caravan_domain::identity::Attribute;
use caravan_domain::identity::account::{Challenge, Provider, Registered};
use caravan_domain::identity::preferences::Preferences;
use caravan_domain::{EntityId, Sealed};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::notices::latest_endpoint;
use crate::shape::{sealed, set, words};

/// What an account's owner is told about it; texts are as shapes have them, sealed or not.
pub struct Profile {
    pub id: EntityId,
    pub provider: Provider,
    /// Whether the sign-up was confirmed.
    pub confirmed: bool,
    pub facebook_id: Option<Value>,
    pub email: Option<Value>,
    pub phone: Option<Value>,
    pub phone_proven: bool,
    pub attributes: BTreeMap<Attribute, Value>,
}

/// The tokens of an open session.
pub struct Session<'a> {
    pub access_token: &'a str,
    pub id_token: &'a str,
    pub refresh_token: &'a str,
    pub expires_at: DateTime<Utc>,
}

impl Profile {
    pub fn of(id: EntityId, account: &Registered) -> Profile {
        let registration = &account.registration;
        let attributes = registration.attributes.iter().map(|(attribute, value)| (*attribute, sealed(value)));
        Profile {
            id,
            provider: registration.provider,
            confirmed: true,
            facebook_id: registration.facebook_id.as_ref().map(sealed),
            email: registration.email.as_ref().map(|contact| sealed(&contact.value)),
            phone: registration.phone.as_ref().map(|contact| sealed(&contact.value)),
            phone_proven: account.proven_phone().is_some(),
            attributes: attributes.collect(),
        }
    }

    fn attribute(&self, attribute: Attribute) -> Option<&Value> {
        self.attributes.get(&attribute)
    }

    /// The name somebody goes by: the one they gave as a whole, else first and last name.
    fn name(&self) -> Option<Value> {
        let parts = [self.attribute(Attribute::GivenName), self.attribute(Attribute::FamilyName)];
        let parts: Vec<&Value> = parts.into_iter().flatten().collect();
        self.attribute(Attribute::Name).cloned().or_else(|| words(&parts))
    }
}

/// `signupResponse`
pub fn signed_up(profile: &Profile) -> Value {
    user_with_gender(profile)
}

/// `signupconfirmResponse`
pub fn confirmed(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_gender(profile);
    shape["krugoId"] = json!(profile.id);
    shape["phoneNumberConfirmed"] = json!(profile.phone_proven);
    set(&mut shape, "firstName", profile.attribute(Attribute::GivenName));
    set(&mut shape, "lastName", profile.attribute(Attribute::FamilyName));
    set(&mut shape, "phonenumber", profile.phone.as_ref());
    shape["cognitoSession"] = cognito_session(session);
    shape
}

/// `loginResponse`, also of `loginmfa`
pub fn logged_in(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_picture(profile);
    set(&mut shape, "phonenumber", profile.phone.as_ref());
    shape["cognitoSession"] = cognito_session(session);
    shape
}

/// `loginResponse` or `FacebookLogin` of a login that needs more: what is asked, and the session that comes back with
/// the answer.
pub fn challenged(account: EntityId, challenge: Challenge, login_session: &str) -> Value {
    let challenge = match challenge {
        Challenge::Mfa => "SMS_MFA",
        Challenge::NewPassword => "NEW_PASSWORD_REQUIRED",
    };
    json!({"id": account, "loginSession": login_session, "challenge": challenge})
}

/// `refreshsessionResponse`
pub fn refreshed(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_picture(profile);
    shape["cognitoSession"] = cognito_session(session);
    shape
}

/// `FacebookLogin`: `id` is the Facebook id, `accessKeyId` the account's, `sessionToken` the bearer token and
/// `secretKey` the refresh token.
pub fn facebook_login(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_picture(profile);
    set(&mut shape, "id", profile.facebook_id.as_ref());
    let session = json!({
        "accessKeyId": profile.id,
        "secretKey": session.refresh_token,
        "sessionToken": session.access_token,
        "expiration": session.expires_at.timestamp(),
    });
    shape["facebookSession"] = session;
    shape
}

/// `resendCodeResponse`: the number whole, as it is the caller's own.
pub fn code_sent(phone: &Sealed) -> Value {
    json!({"deliveryMedium": "SMS", "destination": sealed(phone), "attributeName": "phone_number"})
}

/// `verifyCodeResponse`: `id` is the Facebook id.
pub fn code_verified(id: EntityId, account: &Registered) -> Value {
    let profile = Profile::of(id, account);
    let mut shape = user(&profile);
    set(&mut shape, "id", profile.facebook_id.as_ref());
    shape["krugoId"] = json!(profile.id);
    shape["phoneNumberConfirmed"] = json!(profile.phone_proven);
    set(&mut shape, "firstName", profile.attribute(Attribute::GivenName));
    set(&mut shape, "lastName", profile.attribute(Attribute::FamilyName));
    set(&mut shape, "pushEndpoint", latest_endpoint(account));
    shape
}

/// `editprofileResponse`
pub fn edited(id: EntityId, provider: Provider) -> Value {
    json!({"id": id, "provider": provider_name(provider)})
}

/// `updateUserPreferencesResponse`
pub fn updated_preferences(account: EntityId, preferences: &Preferences) -> Value {
    let mut shape = json!({"id": account});
    set(&mut shape, "eventTypeSportsEnabled", preferences.sports_enabled);
    set(&mut shape, "eventTypeConcertsEnabled", preferences.concerts_enabled);
    set(&mut shape, "eventTypeTheaterEnabled", preferences.theater_enabled);
    set(&mut shape, "tripLength", preferences.trip_length);
    set(&mut shape, "tripStartDay", preferences.trip_start_day);
    set(&mut shape, "tripEndDay", preferences.trip_end_day);
    set(&mut shape, "tripViewRange", preferences.trip_view_range);
    set(&mut shape, "favoriteCategoryIds", preferences.favorite_category_ids.as_ref());
    set(&mut shape, "favoritePerformerIds", preferences.favorite_performer_ids.as_ref());
    shape
}

/// `getUserPreferencesResponse`, which names things differently. Nothing sets its home city and preferred dates.
pub fn preferences(account: EntityId, preferences: &Preferences) -> Value {
    let switches = [
        ("sports", preferences.sports_enabled),
        ("concerts", preferences.concerts_enabled),
        ("theater", preferences.theater_enabled),
    ];
    let on: Vec<_> = switches.iter().filter(|(_, on)| *on == Some(true)).map(|(name, _)| *name).collect();
    let mut shape = json!({"userId": account, "favoriteEventTypes": on});
    set(&mut shape, "preferredTripLength", preferences.trip_length);
    set(&mut shape, "favoriteCategories", Some(preferences.favorite_category_ids.as_deref().unwrap_or_default()));
    set(&mut shape, "favoritePerformers", Some(preferences.favorite_performer_ids.as_deref().unwrap_or_default()));
    shape
}

/// What every answer about a user has.
fn user(profile: &Profile) -> Value {
    let mut shape = json!({
        "id": profile.id,
        "provider": provider_name(profile.provider),
        "confirmed": profile.confirmed,
        "hasProfilePicture": profile.attributes.contains_key(&Attribute::Picture),
    });
    set(&mut shape, "name", profile.name());
    set(&mut shape, "email", profile.email.as_ref());
    shape
}

fn user_with_gender(profile: &Profile) -> Value {
    let mut shape = user(profile);
    set(&mut shape, "gender", profile.attribute(Attribute::Gender));
    shape
}

fn user_with_picture(profile: &Profile) -> Value {
    let mut shape = user_with_gender(profile);
    set(&mut shape, "profilePictureUrl", profile.attribute(Attribute::Picture));
    shape
}

/// `CognitoSession`: `expiration` is that of access and id token, Unix seconds.
fn cognito_session(session: &Session) -> Value {
    json!({
        "accessToken": session.access_token,
        "idToken": session.id_token,
        "refreshToken": session.refresh_token,
        "expiration": session.expires_at.timestamp(),
    })
}

fn provider_name(provider: Provider) -> &'static str {
    match provider {
        Provider::Password => "cognito",
        Provider::Facebook => "facebook",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Closed;

    fn profile(attributes: &[(Attribute, &str)]) -> Profile {
        Profile {
            id: EntityId(uuid::Uuid::from_u128(1)),
            provider: Provider::Password,
            confirmed: true,
            facebook_id: None,
            email: None,
            phone: None,
            phone_proven: false,
            attributes: attributes.iter().map(|(attribute, text)| (*attribute, json!(text))).collect(),
        }
    }

    /// A shape in which nothing is sealed, as it goes out.
    fn opened(mut shape: Value) -> Value {
        Closed::find(&mut shape).open(vec![]);
        shape
    }

    #[test]
    fn a_name_is_the_one_given_as_a_whole_else_first_and_last() {
        let parts = [(Attribute::GivenName, "Dana"), (Attribute::FamilyName, "Reyes")];
        let name = |parts: &[(Attribute, &str)]| opened(signed_up(&profile(parts)))["name"].clone();
        assert_eq!((name(&parts), name(&parts[..1])), (json!("Dana Reyes"), json!("Dana")));
        let whole = [parts.as_slice(), &[(Attribute::Name, "Dee")]].concat();
        assert_eq!(name(&whole), "Dee");
        assert_eq!(signed_up(&profile(&[])).get("name"), None);
    }

    #[test]
    fn preferences_are_read_under_other_names() {
        let set = Preferences {
            sports_enabled: Some(true),
            concerts_enabled: Some(false),
            trip_length: Some(3),
            favorite_city_ids: Some(vec!["c1".to_owned()]),
            favorite_performer_ids: Some(vec!["p1".to_owned()]),
            ..Preferences::default()
        };
        let id = EntityId(uuid::Uuid::from_u128(1));
        assert_eq!(
            preferences(id, &set),
            json!({"userId": id, "favoriteEventTypes": ["sports"], "preferredTripLength": 3, "favoriteCategories": [],
                "favoritePerformers": ["p1"]})
        );
        assert_eq!(
            updated_preferences(id, &set),
            json!({"id": id, "eventTypeSportsEnabled": true, "eventTypeConcertsEnabled": false, "tripLength": 3,
                "favoritePerformerIds": ["p1"]})
        );
    }
}
