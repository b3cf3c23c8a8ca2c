//! User names and passwords: what they may look like.

use unicode_normalization::UnicodeNormalization;
use unicode_security::RestrictionLevelDetection;
use unicode_security::restriction_level::RestrictionLevel;

use crate::Rejection;
use crate::text::is_invisible;

/// How user names begin that an identity provider hands out; nobody else may take one.
const PROVIDER_PREFIX: &str = "facebook_";

/// The user name of somebody whom Facebook vouches for, in its stored form.
pub fn facebook_username(facebook_id: &str) -> String {
    normalised_username(&format!("{PROVIDER_PREFIX}{facebook_id}"))
}

/// A user name in the one form it is stored and compared in: NFKC, with the case folded (`ß` is `ss`, and every sigma
/// the same), without white space around it.
pub fn normalised_username(text: &str) -> String {
    let plain: String = text.trim().nfkc().collect();
    caseless::default_case_fold_str(&plain).nfkc().collect()
}

/// A user name that somebody may choose, in its stored form: 1 to 254 characters, all to be seen, and of scripts that
/// nobody takes for one another.
pub fn username(text: &str) -> Result<String, Rejection> {
    let username = normalised_username(text);
    let length = username.chars().count();
    if length == 0 || length > 254 {
        return Err(Rejection::invalid("username-length", "username", "has to be 1 to 254 characters long"));
    }
    if username.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Rejection::invalid(
            "username-characters",
            "username",
            "may not contain white space or control characters",
        ));
    }
    if username.chars().any(is_invisible) {
        return Err(Rejection::invalid(
            "username-invisible-characters",
            "username",
            "may not contain invisible characters or such that change direction",
        ));
    }
    if mixes_scripts(&username) {
        return Err(Rejection::invalid(
            "username-mixes-scripts",
            "username",
            "may not mix scripts, or contain characters that are no letters",
        ));
    }
    if username.starts_with(PROVIDER_PREFIX) {
        return Err(Rejection::invalid(
            "username-of-provider",
            "username",
            format!("may not begin with {PROVIDER_PREFIX}"),
        ));
    }
    Ok(username)
}

/// Whether a name is below the highly restrictive level of UTS 39: it could look like another name, letter by letter.
fn mixes_scripts(name: &str) -> bool {
    // What every script uses, as in an email address, and ASCII alone, are not asked about.
    let letters: String = name.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    !letters.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
}

/// Refuses a password outside 8 to 256 characters in NFC, the form in which it counts; `field` is how the command calls
/// it.
pub fn check_new_password(field: &'static str, password: &str) -> Result<(), Rejection> {
    match password.nfc().count() {
        8..=256 => Ok(()),
        _ => Err(Rejection::invalid("password-length", field, "has to be 8 to 256 characters long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_has_one_form() {
        assert_eq!(username(" Dana@Example.COM ").unwrap(), "dana@example.com");
        assert_eq!(username("ﬁnn").unwrap(), "finn");
        assert_eq!(username("ΝΙΚΟΣ").unwrap(), username("νικος").unwrap());
        assert_eq!(username("Straße").unwrap(), username("STRASSE").unwrap());
        assert_eq!(username("ÅSE").unwrap(), username("A\u{30a}se").unwrap());
        assert_eq!(username("ｄａｎａ").unwrap(), "dana");
    }

    #[test]
    fn a_user_name_is_of_any_script_but_cannot_be_taken_for_another() {
        for fine in
            ["dana+trips@example.com", "o'neil_7", "dana@österreich.at", "дана", "ダナ様dana", "δάνα", "다나dana"]
        {
            assert!(username(fine).is_ok(), "{fine}");
        }
        for (wrong, rule) in [
            // A Cyrillic а, a Greek ο.
            ("d\u{430}na", "username-mixes-scripts"),
            ("\u{3bf}tto@example.com", "username-mixes-scripts"),
            ("dana\u{1f44d}", "username-mixes-scripts"),
            ("da\u{200b}na", "username-invisible-characters"),
            ("da\u{200d}na", "username-invisible-characters"),
            ("dana\u{ad}", "username-invisible-characters"),
            ("\u{202e}anad", "username-invisible-characters"),
            ("da\u{2066}na", "username-invisible-characters"),
            ("dana\u{fe0f}", "username-invisible-characters"),
            ("dana\u{e0041}", "username-invisible-characters"),
        ] {
            let rejection = username(wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), (rule, Some("username")), "{wrong:?}");
        }
    }

    #[test]
    fn a_user_name_is_refused_that_is_empty_long_spaced_or_a_providers() {
        for (wrong, rule) in [
            ("", "username-length"),
            ("  ", "username-length"),
            (&"x".repeat(255), "username-length"),
            ("da na", "username-characters"),
            ("dana\u{0}", "username-characters"),
            ("Facebook_10150", "username-of-provider"),
        ] {
            let rejection = username(wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), (rule, Some("username")), "{wrong:?}");
        }
    }

    #[test]
    fn a_new_password_has_a_length() {
        assert!(check_new_password("new_password", "12345678").is_ok());
        assert!(check_new_password("new_password", &"e\u{301}".repeat(256)).is_ok(), "counted in the form it has");
        assert!(check_new_password("new_password", &"e\u{301}".repeat(7)).is_err());
        for wrong in ["1234567", &"x".repeat(257)] {
            let rejection = check_new_password("new_password", wrong).unwrap_err();
            assert_eq!((rejection.rule, rejection.field()), ("password-length", Some("new_password")));
        }
    }
}
