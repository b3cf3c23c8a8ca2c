//! The words of a message: a template filled with values, what people typed made fit for it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use caravan_domain::text::is_invisible;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use unicode_normalization::UnicodeNormalization;

/// Says nothing itself; where its name ends in `html` it escapes whatever it is filled with.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A value that is missing is a mistake, not an empty word.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
});

const LAYOUT: &str = include_str!("layout.html");

/// A message's words, for any channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub subject: String,
    /// As plain text.
    pub text: String,
}

/// What fills a template.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// Something that we know: a code, an address of ours, a number.
    pub fn ours(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    /// Something that somebody typed, if they did.
    pub fn typed<'a>(mut self, name: &'static str, value: impl Into<Option<&'a str>>) -> Self {
        self.0.insert(name, value.into().map(named).into());
        self
    }
}

impl Words {
    /// The words of a template, which begin with the subject and an empty line.
    pub fn of(template: &str, values: &Values) -> Result<Words, minijinja::Error> {
        let filled = ENVIRONMENT.render_named_str("words.txt", template, &values.0)?;
        let (subject, text) = filled.split_once("\n\n").unwrap_or(("", &filled));
        Ok(Words { subject: subject.to_owned(), text: text.to_owned() })
    }

    /// The same with markup.
    pub fn html(&self) -> Result<String, minijinja::Error> {
        let paragraphs: Vec<Value> = self.text.split("\n\n").map(Value::from).collect();
        ENVIRONMENT.render_named_str("layout.html", LAYOUT, context! { subject => self.subject.as_str(), paragraphs })
    }
}

/// The most characters that a message takes of what somebody typed.
const LONGEST_NAME: usize = 60;

/// What somebody typed, fit to stand within a sentence: short, on one line, and nothing that a phone makes a link of.
fn named(text: &str) -> String {
    // Letters that only look different are the same to whoever makes links.
    let plain: Vec<char> = text.nfkc().filter(|c| !is_invisible(*c)).map(linkless).collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = plain.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if !joins(*first) {
            shown.push(*first);
            rest = others;
            continue;
        }
        let joints = rest.iter().take_while(|c| joins(**c)).count();
        let (joined, after) = rest.split_at(joints);
        let between = !shown.is_empty() && !shown.ends_with(' ') && after.first().is_some_and(|c| *c != ' ');
        if between {
            shown.push(' ')
        } else {
            shown.extend(joined)
        }
        rest = after;
    }
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(LONGEST_NAME).collect::<String>().trim_end().to_owned()
}

/// What makes an address of two words.
fn joins(c: char) -> bool {
    matches!(c, '.' | '/' | ':')
}

/// The full stops that domain names take for dots, and every kind of space and control character, in plain form.
fn linkless(c: char) -> char {
    match c {
        '。' | '｡' => '.',
        c if c.is_whitespace() || c.is_control() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_somebody_typed_stands_on_one_line_and_is_no_link() {
        for (typed, told) in [
            ("Dana\r\nLee\t\u{0}!", "Dana Lee !"),
            ("evil.com", "evil com"),
            ("http://evil.com/a?b", "http evil com a?b"),
            ("evil\u{200b}.\u{202e}com", "evil com"),
            ("evil。com", "evil com"),
            ("evil．com／x", "evil com x"),
            ("e\u{323}\u{301}.com", "\u{1eb9}\u{301} com"),
            ("St. John's", "St. John's"),
            ("D.J. & co.", "D J. & co."),
            ("wait: what", "wait: what"),
            ("  ", ""),
        ] {
            assert_eq!(named(typed), told, "{typed:?}");
        }
        assert_eq!(named(&"é".repeat(90)).chars().count(), 60);
    }

    #[test]
    fn a_value_that_is_missing_is_no_empty_word() {
        assert!(Words::of("Hello\n\nHello {{ name }}", &Values::default()).is_err());
        let nobody = Values::default().typed("name", None);
        assert_eq!(Words::of("Hello\n\nHello {{ name or 'you' }}", &nobody).unwrap().text, "Hello you");
    }

    proptest! {
        #[test]
        fn nothing_typed_is_an_address(name in "[a-z.:/\u{200b}。 ]{0,80}") {
            for word in named(&name).split(' ') {
                prop_assert!(!word.trim_matches(joins).contains(joins), "{word:?}");
            }
        }

        #[test]
        fn what_people_typed_never_becomes_markup(name in ".{0,40}", crew in "[<>&\"'a-z\n{}%]{0,40}") {
            let html = |name: &str, crew: &str| {
                let values = Values::default().typed("name", name).typed("crew", crew);
                Words::of("{{ name }}\n\n{{ crew }}\n\nby {{ name }}", &values).unwrap().html().unwrap()
            };
            let (theirs, ours) = (html(&name, &crew), html("x", "x"));
            for markup in ['<', '>'] {
                prop_assert_eq!(theirs.matches(markup).count(), ours.matches(markup).count());
            }
        }
    }
}
