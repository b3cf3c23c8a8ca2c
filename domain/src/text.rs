//! What a text is made of, and how long it may be.

use crate::Rejection;

/// Refuses a text of nothing but white space.
pub fn not_empty(field: &'static str, text: &str) -> Result<(), Rejection> {
    if text.trim().is_empty() { Err(Rejection::invalid("text-empty", field, "is empty")) } else { Ok(()) }
}

/// Refuses a text that is empty or of more than `most` characters.
pub fn bounded(field: &'static str, text: &str, most: usize) -> Result<(), Rejection> {
    not_empty(field, text)?;
    if text.chars().count() > most {
        return Err(Rejection::invalid("text-too-long", field, format!("is longer than {most} characters")));
    }
    Ok(())
}

/// Whether a character shows nothing by itself: invisible ones and those that turn the direction of writing. Unicode's
/// property Default_Ignorable_Code_Point.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
