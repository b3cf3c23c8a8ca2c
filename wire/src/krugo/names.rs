//! What krugo calls otherwise than commands do, and by which field a request names who acts (krugo, Decisions: Who
//! acts).

/// The field by which a request of an operation names who acts.
pub(super) fn actor(operation: &str) -> Option<&'static str> {
    match operation {
        "add-trip-idea" => Some("suggestorId"),
        "send-invites-for-crew" => Some("inviterUserId"),
        "update-user-preferences" | "editphonenumber" | "verifyphonenumber" => Some("id"),
        _ if USER_ID_ACTS.contains(&operation) => Some("userId"),
        _ => None,
    }
}

/// Where `userId` is who acts. In the other operations that have one it is who is meant.
const USER_ID_ACTS: [&str; 40] = [
    "abandon-trip-booking",
    "abandoned-trip-bookings",
    "accommodations",
    "add-accommodation",
    "add-accommodation-room",
    "add-crew-member",
    "add-ticket",
    "add-trip-booking-event",
    "crews",
    "delete-accommodation",
    "delete-accommodation-guest",
    "delete-accommodation-room",
    "delete-crew",
    "delete-ticket",
    "delete-ticket-bundle",
    "delete-trip-idea",
    "get-user-preferences",
    "like",
    "like-trip-idea",
    "liked-trip-ids",
    "mailing-settings",
    "past-trip-bookings",
    "push-notification-settings",
    "recover-abandoned-trip-booking",
    "remove-crew-member",
    "remove-trip-booking-event",
    "sms-settings",
    "trip-booking",
    "trip-bookings",
    "unlike",
    "unlike-trip-idea",
    "update-accommodation",
    "update-accommodation-guest",
    "update-accommodation-room",
    "update-crew",
    "update-event-attendees",
    "update-ticket",
    "update-ticket-bundle",
    "update-trip-booking",
    "update-user-push-endpoint",
];

type Names = &'static [(&'static str, &'static str)];

/// What an operation calls otherwise than its spelling makes it: the command's field, as it is written.
pub(super) fn other_names(operation: &str) -> Names {
    match operation {
        "signup" | "editprofile" => ATTRIBUTES,
        "signupconfirm" => &[("code", "confirmationCode"), ("phone_number", "phone_number")],
        "loginmfa" => &[("code", "mfaCode"), ("username", "cognitoUsername")],
        "loginnewpassword" => &[("code", "loginSession")],
        "resetpassword" => &[("code", "passwordResetCode")],
        "facebook" => &[("token", "fbToken")],
        "enablemfa" => &[("on", "enableMfa")],
        "update-user-preferences" => PREFERENCES,
        "create-crew" | "update-crew" => &[("has_image", "hasCrewImage")],
        "add-crew-member" => &[("person", "newMemberId")],
        "remove-crew-member" => &[("person", "removedMemberId")],
        "recover-abandoned-trip-booking" => &[("forced", "forceRecovery")],
        "add-trip-booking-member" | "update-trip-booking-member" => &[("person", "userId"), ("leader", "isLeader")],
        "remove-trip-booking-member" | "remind-trip-booking-member" => &[("person", "userId")],
        "add-trip-booking-event" | "update-event-attendees" | "remove-trip-booking-event" => {
            &[("event", "eventId"), ("attendees", "userIds")]
        }
        "add-ticket-bundle" | "update-ticket-bundle" => BUNDLE,
        "assign-ticket" => &[("consumer", "userId")],
        _ if operation.contains("-accommodation") => ACCOMMODATION,
        _ => &[],
    }
}

/// They are spelled as in the provider's attributes.
const ATTRIBUTES: Names = &[
    ("family_name", "family_name"),
    ("given_name", "given_name"),
    ("middle_name", "middle_name"),
    ("phone_number", "phone_number"),
    ("preferred_username", "preferred_username"),
];

const PREFERENCES: Names = &[
    ("sports_enabled", "eventTypeSportsEnabled"),
    ("concerts_enabled", "eventTypeConcertsEnabled"),
    ("theater_enabled", "eventTypeTheaterEnabled"),
];

const BUNDLE: Names = &[
    ("bought_here", "isKrugoPurchase"),
    ("general_admission", "isGeneralAdmission"),
    ("special_seating", "isSpecialSeating"),
];

/// Of accommodations, their rooms and guests.
const ACCOMMODATION: Names = &[
    ("guest_ids", "accommodationGuestUserIds"),
    ("hotel_type", "hotelTypeId"),
    ("person", "guestId"),
    ("proportion", "proportionOfPayment"),
    ("room_type", "roomTypeId"),
    ("simple", "isSimpleBooking"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::krugo::DIALECT;

    /// Where `userId` names somebody else.
    const MEANT: [&str; 6] = [
        "add-trip-booking-member",
        "assign-ticket",
        "get-profile-picture",
        "remind-trip-booking-member",
        "remove-trip-booking-member",
        "update-trip-booking-member",
    ];

    #[test]
    fn user_id_acts_wherever_it_is_documented_but_where_it_is_meant() {
        let contract: Value = serde_json::from_str(DIALECT.contract).unwrap();
        let entries =
            contract["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let mut acting = vec![];
        for entry in entries.filter(|entry| entry["operationId"].is_string()) {
            let schema = &entry["requestBody"]["content"]["application/json"]["schema"];
            let schema = schema["$ref"].as_str().map_or(schema, |path| contract.pointer(&path[1..]).unwrap());
            let parameters = entry["parameters"].as_array().into_iter().flatten();
            let in_query = parameters.into_iter().any(|parameter| parameter["name"] == "userId");
            let id = entry["operationId"].as_str().unwrap();
            if (in_query || !schema["properties"]["userId"].is_null()) && !MEANT.contains(&id) {
                acting.push(id);
            }
        }
        acting.sort_unstable();
        assert_eq!(acting, USER_ID_ACTS);
    }
}
