//! User names and passwords: what they may look like.

use unicode_normalization::UnicodeNormalization;

use crate::Rejection;

/// How user names begin that an identity provider hands out; nobody else may take one.
const PROVIDER_PREFIX: &str = "facebook_";

/// The user name of somebody whom Facebook vouches for, in its stored form.
pub fn facebook_username(facebook_id: &str) -> String {
    normalised_username(&format!("{PROVIDER_PREFIX}{facebook_id}"))
}

/// A user name in the one form it is stored and compared in: NFKC, lower case, without white space around it.
pub fn normalised_username(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}

/// A user name that somebody may choose, in its stored form: 1 to 254 characters.
pub fn username(text: &str) -> Result<String, Rejection> {
    let username = normalised_username(text);
    let length = username.chars().count();
    if length == 0 || length > 254 {
        return Err(Rejection::invalid("username", "has to be 1 to 254 characters long"));
    }
    if username.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Rejection::invalid("username", "may not contain white space or control characters"));
    }
    if username.starts_with(PROVIDER_PREFIX) {
        return Err(Rejection::invalid("username", format!("may not begin with {PROVIDER_PREFIX}")));
    }
    Ok(username)
}

/// Refuses a password outside 8 to 256 characters; `field` is how the command calls it.
pub fn check_new_password(field: &'static str, password: &str) -> Result<(), Rejection> {
    match password.chars().count() {
        8..=256 => Ok(()),
        _ => Err(Rejection::invalid(field, "has to be 8 to 256 characters long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_has_one_form() {
        assert_eq!(username(" Dana@Example.COM ").unwrap(), "dana@example.com");
        assert_eq!(username("ﬁnn").unwrap(), "finn");
        assert_eq!(username("ÅSE").unwrap(), username("A\u{30a}se").unwrap());
    }

    #[test]
    fn a_user_name_is_refused_that_is_empty_long_spaced_or_a_providers() {
        for wrong in ["", "  ", "da na", "dana\u{0}", "Facebook_10150", &"x".repeat(255)] {
            assert_eq!(username(wrong).unwrap_err().field.as_deref(), Some("username"), "{wrong:?}");
        }
    }

    #[test]
    fn a_new_password_has_a_length() {
        assert!(check_new_password("newPassword", "12345678").is_ok());
        for wrong in ["1234567", &"x".repeat(257)] {
            assert_eq!(check_new_password("newPassword", wrong).unwrap_err().field.as_deref(), Some("newPassword"));
        }
    }
}
