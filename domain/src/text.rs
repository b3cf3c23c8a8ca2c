//! What a text is made of, how long it may be, and when two are alike.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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

/// A text as it is compared and searched: lower case, without accents, and without apostrophes, which join
/// ("St. John's"). Other signs stay.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.nfkd().filter(|character| !is_combining_mark(*character)).flat_map(char::to_lowercase) {
        match character {
            // Letters that Unicode does not take apart.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            '\'' | '’' | 'ʻ' | '`' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// A name as a part of a URL: its folded words with dashes between them, `untitled` where it has none.
pub fn slug(name: &str) -> String {
    let folded = folded(name);
    let words: Vec<&str> =
        folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "untitled".to_owned() } else { words.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_matter() {
        assert_eq!(folded("BEYONCÉ, Sigur Rós & Mø"), "beyonce, sigur ros & mo");
        assert_eq!(folded("Straße Łódź Æon Đorđe"), "strasse lodz aeon dorde");
        assert_eq!(folded("İstanbul Diyarbakır"), "istanbul diyarbakir");
        assert_eq!(folded("St. John’s Hawaiʻi 東京"), "st. johns hawaii 東京");
    }

    #[test]
    fn a_slug_is_fit_for_a_url() {
        assert_eq!(slug("Camp, Treat & Retreat"), "camp-treat-retreat");
        assert_eq!(slug(" Über-Éclair’s  "), "uber-eclairs");
        assert_eq!(slug("&!"), "untitled");
    }
}
