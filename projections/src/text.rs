//! Text as both search targets compare it: lower case, without accents, words of letters and digits.

use caravan_domain::text::folded;

/// Longest word that is kept, in characters; the rest of a longer one is cut off.
const WORD_CHARACTERS: usize = 64;

/// Most words of a query that count.
const QUERY_WORDS: usize = 16;

/// The folded words of a text, joined by single spaces.
pub(crate) fn fold(text: &str) -> String {
    split(text).collect::<Vec<_>>().join(" ")
}

/// The folded words of a query, each once.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in split(text) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(QUERY_WORDS);
    words
}

fn split(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<String> = folded(text)
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(WORD_CHARACTERS).collect())
        .collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        assert_eq!(fold("  BEYONCÉ, Sigur Rós & Mø: don't stop!"), "beyonce sigur ros mo dont stop");
        assert_eq!(fold("—"), "");
    }

    #[test]
    fn a_query_word_counts_once() {
        assert_eq!(words("Rock rock RÖCK roll"), ["rock", "roll"]);
    }
}
