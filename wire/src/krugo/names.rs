//! What krugo calls otherwise than commands do, and by which field a request names who acts (krugo, Decisions: Who
//! acts).

/// The field by which a request of an operation names who acts, where it documents that field.
pub(super) fn actor(operation: &str) -> Option<&'static str> {
    match operation {
        "add-trip-idea" => Some("suggestorId"),
        "send-invites-for-crew" => Some("inviterUserId"),
        "update-user-preferences" | "editphonenumber" | "verifyphonenumber" => Some("id"),
        // `userId` is who is meant.
        "add-trip-booking-member"
        | "assign-ticket"
        | "get-profile-picture"
        | "remind-trip-booking-member"
        | "remove-trip-booking-member"
        | "update-trip-booking-member" => None,
        _ => Some("userId"),
    }
}

type Names = &'static [(&'static str, &'static str)];

/// What an operation calls otherwise than its spelling makes it: the command's name of a field, and how it is written.
pub(super) fn other_names(operation: &str) -> Names {
    match operation {
        "signup" | "editprofile" => ATTRIBUTES,
        "signupconfirm" => &[("code", "confirmationCode"), ("phone_number", "phone_number")],
        "loginmfa" => &[("code", "mfaCode"), ("username", "cognitoUsername")],
        // A wrong session is refused as a wrong code is.
        "loginnewpassword" => &[("code", "loginSession")],
        "resetpassword" => &[("code", "passwordResetCode")],
        "facebook" | "continue-with-facebook" => &[("token", "fbToken")],
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
        "send-attachment-email" => &[("bucket", "s3Bucket"), ("attachment_path", "s3AttachmentPath")],
        "booking-details" => &[("address", "name")],
        "upvote-image" | "downvote-image" | "get-image" | "get-static-image" | "upload-image" => {
            &[("motif", "id"), ("md5", "md5Hash")]
        }
        "like" | "unlike" => &[("trip", "tripId")],
        "liked-trips" => &[("trips", "likedTripIds")],
        "add-trending-event" => &[("query", "discoverQuery"), ("sort", "type")],
        "get-trending-events" => &[
            ("entries_after", "exclusiveStartTrendingKey"),
            ("trips_after", "exclusiveStartTopLikedKey"),
            ("trip", "tripId"),
            ("last_like_at", "lastLikeUnix"),
            ("created_at", "dateCreated"),
        ],
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
    use crate::krugo::DIALECT;
    use crate::operation;

    #[test]
    fn a_request_that_documents_who_acts_says_so_by_one_field() {
        let actor = |id: &str| operation(&DIALECT, id).unwrap().actor;
        assert_eq!(actor("update-ticket"), Some("userId"));
        assert_eq!(actor("crews"), Some("userId"), "a parameter");
        assert_eq!(actor("update-sms-settings"), Some("userId"), "a field of what its body refers to");
        assert_eq!(actor("assign-ticket"), None, "there it is the consumer");
        assert_eq!(actor("add-trip-idea"), Some("suggestorId"));
        for undocumented in ["add-accommodation-guests", "login", "discover-any"] {
            assert_eq!(actor(undocumented), None, "{undocumented}");
        }
    }
}
