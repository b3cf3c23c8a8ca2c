//! Shapes of the `users` group. The contract's names stand above each function.

use std::collections::BTreeMap;

use caravan_domain::identity::Attribute;
use caravan_domain::identity::account::{Challenge, Provider, Registered};
use caravan_domain::identity::preferences::Preferences;
use caravan_domain::{EntityId, Sealed};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

/// What an account's owner is told about it, opened.
pub struct Profile {
    pub id: EntityId,
    pub provider: Provider,
    /// Whether the sign-up was confirmed.
    pub confirmed: bool,
    pub facebook_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub phone_proven: bool,
    pub attributes: BTreeMap<Attribute, String>,
}

/// The tokens of an open session.
pub struct Session<'a> {
    pub access_token: &'a str,
    pub id_token: &'a str,
    pub refresh_token: &'a str,
    pub expires_at: DateTime<Utc>,
}

impl Profile {
    /// The sealed values of an account, in the order in which [`Profile::opened`] takes them.
    pub fn sealed(account: &Registered) -> Vec<&Sealed> {
        let registration = &account.registration;
        let contacts = [&registration.email, &registration.phone];
        let contacts = contacts.into_iter().flatten().map(|contact| &contact.value);
        registration.facebook_id.iter().chain(contacts).chain(registration.attributes.values()).collect()
    }

    /// The profile of an account whose values were opened.
    pub fn opened(id: EntityId, account: &Registered, values: Vec<String>) -> Profile {
        let registration = &account.registration;
        let mut values = values.into_iter();
        Profile {
            id,
            provider: registration.provider,
            confirmed: true,
            facebook_id: registration.facebook_id.as_ref().and_then(|_| values.next()),
            email: registration.email.as_ref().and_then(|_| values.next()),
            phone: registration.phone.as_ref().and_then(|_| values.next()),
            phone_proven: account.proven_phone().is_some(),
            attributes: registration.attributes.keys().copied().zip(values).collect(),
        }
    }

    fn attribute(&self, attribute: Attribute) -> Option<&str> {
        self.attributes.get(&attribute).map(String::as_str)
    }

    /// The name somebody goes by: the one they gave as a whole, else first and last name.
    fn name(&self) -> Option<String> {
        let parts = [self.attribute(Attribute::GivenName), self.attribute(Attribute::FamilyName)];
        let whole = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.attribute(Attribute::Name).map(str::to_owned).or(Some(whole).filter(|name| !name.is_empty()))
    }
}

/// `signupResponse`
pub fn signed_up(profile: &Profile) -> Value {
    json(user(profile))
}

/// `signupconfirmResponse`
pub fn confirmed(profile: &Profile, session: &Session) -> Value {
    let mut shape = user(profile);
    shape.insert("krugoId".to_owned(), json!(profile.id));
    shape.insert("phoneNumberConfirmed".to_owned(), json!(profile.phone_proven));
    put(&mut shape, "firstName", profile.attribute(Attribute::GivenName));
    put(&mut shape, "lastName", profile.attribute(Attribute::FamilyName));
    put(&mut shape, "phonenumber", profile.phone.as_deref());
    shape.insert("cognitoSession".to_owned(), cognito_session(session));
    json(shape)
}

/// `loginResponse`, also of `loginmfa`
pub fn logged_in(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_picture(profile);
    put(&mut shape, "phonenumber", profile.phone.as_deref());
    shape.insert("cognitoSession".to_owned(), cognito_session(session));
    json(shape)
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
    shape.insert("cognitoSession".to_owned(), cognito_session(session));
    json(shape)
}

/// `FacebookLogin`: `id` is the Facebook id, `accessKeyId` the account's, `sessionToken` the bearer token and
/// `secretKey` the refresh token.
pub fn facebook_login(profile: &Profile, session: &Session) -> Value {
    let mut shape = user_with_picture(profile);
    put(&mut shape, "id", profile.facebook_id.as_deref());
    let session = json!({
        "accessKeyId": profile.id,
        "secretKey": session.refresh_token,
        "sessionToken": session.access_token,
        "expiration": session.expires_at.timestamp(),
    });
    shape.insert("facebookSession".to_owned(), session);
    json(shape)
}

/// `editprofileResponse`
pub fn edited(id: EntityId, provider: Provider) -> Value {
    json!({"id": id, "provider": provider_name(provider)})
}

/// `updateUserPreferencesResponse`
pub fn updated_preferences(account: EntityId, preferences: &Preferences) -> Value {
    let mut shape = Map::from_iter([("id".to_owned(), json!(account))]);
    put(&mut shape, "eventTypeSportsEnabled", preferences.sports_enabled);
    put(&mut shape, "eventTypeConcertsEnabled", preferences.concerts_enabled);
    put(&mut shape, "eventTypeTheaterEnabled", preferences.theater_enabled);
    put(&mut shape, "tripLength", preferences.trip_length);
    put(&mut shape, "tripStartDay", preferences.trip_start_day);
    put(&mut shape, "tripEndDay", preferences.trip_end_day);
    put(&mut shape, "tripViewRange", preferences.trip_view_range);
    put(&mut shape, "favoriteCategoryIds", preferences.favorite_category_ids.as_ref());
    put(&mut shape, "favoritePerformerIds", preferences.favorite_performer_ids.as_ref());
    json(shape)
}

/// `getUserPreferencesResponse`, which names things differently. Nothing sets its home city and preferred dates.
pub fn preferences(account: EntityId, preferences: &Preferences) -> Value {
    let switches = [
        ("sports", preferences.sports_enabled),
        ("concerts", preferences.concerts_enabled),
        ("theater", preferences.theater_enabled),
    ];
    let on: Vec<_> = switches.iter().filter(|(_, on)| *on == Some(true)).map(|(name, _)| *name).collect();
    let mut shape =
        Map::from_iter([("userId".to_owned(), json!(account)), ("favoriteEventTypes".to_owned(), json!(on))]);
    put(&mut shape, "preferredTripLength", preferences.trip_length);
    put(&mut shape, "favoriteCategories", Some(preferences.favorite_category_ids.as_deref().unwrap_or_default()));
    put(&mut shape, "favoritePerformers", Some(preferences.favorite_performer_ids.as_deref().unwrap_or_default()));
    json(shape)
}

/// What every answer about a user has.
fn user(profile: &Profile) -> Map<String, Value> {
    let mut shape = Map::from_iter([
        ("id".to_owned(), json!(profile.id)),
        ("provider".to_owned(), json!(provider_name(profile.provider))),
        ("confirmed".to_owned(), json!(profile.confirmed)),
        ("hasProfilePicture".to_owned(), json!(profile.attributes.contains_key(&Attribute::Picture))),
    ]);
    put(&mut shape, "name", profile.name());
    put(&mut shape, "gender", profile.attribute(Attribute::Gender));
    put(&mut shape, "email", profile.email.as_deref());
    shape
}

fn user_with_picture(profile: &Profile) -> Map<String, Value> {
    let mut shape = user(profile);
    put(&mut shape, "profilePictureUrl", profile.attribute(Attribute::Picture));
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

/// Adds what is known.
fn put<T: serde::Serialize>(shape: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        shape.insert(name.to_owned(), json!(value));
    }
}

fn json(shape: Map<String, Value>) -> Value {
    Value::Object(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(attributes: &[(Attribute, &str)]) -> Profile {
        Profile {
            id: EntityId(uuid::Uuid::from_u128(1)),
            provider: Provider::Password,
            confirmed: true,
            facebook_id: None,
            email: None,
            phone: None,
            phone_proven: false,
            attributes: attributes.iter().map(|(attribute, text)| (*attribute, (*text).to_owned())).collect(),
        }
    }

    #[test]
    fn a_name_is_the_one_given_as_a_whole_else_first_and_last() {
        let parts = [(Attribute::GivenName, "Dana"), (Attribute::FamilyName, "Reyes")];
        assert_eq!(signed_up(&profile(&parts))["name"], "Dana Reyes");
        assert_eq!(signed_up(&profile(&parts[..1]))["name"], "Dana");
        let whole = [parts.as_slice(), &[(Attribute::Name, "Dee")]].concat();
        assert_eq!(signed_up(&profile(&whole))["name"], "Dee");
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
