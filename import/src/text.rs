//! Published text as people read it.

use std::borrow::Cow;

/// Text without markup: entities decoded (once more where they were encoded twice), tags and invisible characters left
/// out, white space in one piece. `None` when nothing is left.
pub fn text(raw: &str) -> Option<String> {
    let mut plain = Cow::Borrowed(raw);
    for _ in 0..2 {
        if plain.contains('&') {
            plain = Cow::Owned(html_escape::decode_html_entities(&plain).into_owned());
        }
        if plain.contains('<') {
            plain = Cow::Owned(without_tags(&plain));
        }
    }
    words(&plain)
}

/// Text that means itself, such as an id: only what nobody can see is left out.
pub fn verbatim(raw: &str) -> Option<String> {
    words(raw)
}

fn words(text: &str) -> Option<String> {
    let visible: String = text.chars().filter(|char| !is_invisible(*char)).collect();
    let words = visible.split(|char: char| char.is_whitespace() || char.is_control() || is_blank(char));
    // Joiners shape what is beside them, as in emoji and Persian; alone they are nothing.
    let words: Vec<&str> = words.map(|word| word.trim_matches(is_joiner)).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Marks of direction and others that have no width. Fewer than in a name that people log in with: joiners and the tags
/// of flags shape what is seen.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}')
}

/// Letters that look like a space.
fn is_blank(char: char) -> bool {
    matches!(char, '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Leaves out what begins like a tag, `<b>` or `</p>`, and not what only compares: "a < b", "I <3 you".
fn without_tags(text: &str) -> String {
    const BREAKS: [&str; 12] = ["br", "p", "div", "li", "ul", "ol", "tr", "td", "h1", "h2", "h3", "h4"];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let inside = tag[1..].strip_prefix(['/', '!']).unwrap_or(&tag[1..]);
        let end = tag.find('>').filter(|end| !tag[1..*end].contains('<'));
        match end {
            Some(end) if inside.starts_with(|char: char| char.is_ascii_alphabetic() || char == '-') => {
                let name = inside.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
                if BREAKS.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                    plain.push(' ');
                }
                rest = &tag[end + 1..];
            }
            _ => {
                plain.push('<');
                rest = &tag[1..];
            }
        }
    }
    plain + rest
}

/// A web address; anything else is dropped, since an event is worth knowing without it.
pub fn web_address(raw: &str) -> Option<String> {
    let url = raw.trim();
    let starts = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let is_clean = !url.contains(|char: char| char.is_whitespace() || char.is_control() || is_invisible(char));
    let scheme = ["https://", "http://"].into_iter().find(|scheme| starts(scheme))?;
    (is_clean && url.len() <= 2000).then(|| format!("{scheme}{}", &url[scheme.len()..]))
}

/// Whether a word for an event's state says that it will not take place: `EventCancelled`, an address or a code that
/// ends so, or a plain word.
pub fn says_cancelled(state: &str) -> bool {
    let word = state.trim().trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or_default().to_lowercase();
    let word = word.strip_prefix("event").unwrap_or(&word).trim();
    CANCELLED.iter().any(|cancelled| word.starts_with(cancelled))
}

/// As organisers write it before or after a name.
const CANCELLED: [&str; 8] =
    ["cancelled", "canceled", "abgesagt", "annulé", "annulée", "cancelado", "cancelada", "annullato"];

/// A name, and whether it says that the event was called off: "RubyConf (Cancelled)", "Canceled: Club Night".
pub fn name(raw: &str) -> Option<(String, bool)> {
    let name = text(raw)?;
    let lower = name.to_lowercase();
    // Lower case may have another length in bytes; then the name stays as it is.
    if lower.len() == name.len() {
        for word in CANCELLED {
            for (open, close) in [("(", ")"), ("[", "]")] {
                let note = format!("{open}{word}{close}");
                if let Some(at) = lower.find(&note)
                    && let (Some(before), Some(after)) = (name.get(..at), name.get(at + note.len()..))
                {
                    return Some((text(&format!("{before} {after}"))?, true));
                }
            }
            if let Some(rest) = lower.strip_prefix(word)
                && let Some(rest) = rest.strip_prefix([':', '!']).or_else(|| rest.strip_prefix(" - "))
                && let Some(rest) = name.get(name.len() - rest.len()..).and_then(text)
            {
                return Some((rest, true));
            }
        }
    }
    Some((name, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_decoded_and_trimmed() {
        assert_eq!(text(" Rock &amp; Roll\n\tNight&nbsp;"), Some("Rock & Roll Night".into()));
        assert_eq!(text(" \u{7} "), None);
        assert_eq!(text("a\0b"), Some("a b".into()));
    }

    #[test]
    fn tags_are_left_out_and_entities_decoded_once_more() {
        let raw = "&lt;b&gt;Rock&lt;/b&gt; &amp;amp; Roll&nbsp;&#8211; &#039;Live&#039;";
        assert_eq!(text(raw).unwrap(), "Rock & Roll – 'Live'");
        assert_eq!(text("<b>Rock</b> &amp; Roll &#8211; R&amp;amp;B").unwrap(), "Rock & Roll – R&B");
        assert_eq!(text("One<br/>Two</p><p class='x'>Three <!-- no -->").unwrap(), "One Two Three");
        assert_eq!(text("I <3 you, a < b > c").unwrap(), "I <3 you, a < b > c");
        assert_eq!(text("<i></i>"), None);
    }

    #[test]
    fn what_nobody_sees_is_left_out() {
        for nothing in ["\u{200b}", "\u{202e}", " \u{feff}\u{2060} ", "\u{200d}", "\u{3164}", "&#8203;", "\u{ad}"] {
            assert_eq!(text(nothing), None, "{nothing:?}");
        }
        assert_eq!(text("\u{202e}Jazz\u{200b} \u{2066}Night\u{2069}").unwrap(), "Jazz Night");
        assert_eq!(text("👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم").unwrap(), "👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم");
    }

    #[test]
    fn a_name_may_say_that_it_was_called_off() {
        let told = |raw| name(raw).unwrap();
        assert_eq!(told("EuRuKo 2020 (Cancelled)"), ("EuRuKo 2020".into(), true));
        assert_eq!(told("Canceled: Club Night"), ("Club Night".into(), true));
        assert_eq!(told("ABGESAGT: Konzert"), ("Konzert".into(), true));
        assert_eq!(told("Cancelled Culture"), ("Cancelled Culture".into(), false));
        assert_eq!(told("Cancelled:"), ("Cancelled:".into(), false));
        assert_eq!(name("(Cancelled)"), None);
    }

    #[test]
    fn states_are_words_or_addresses() {
        for state in ["https://schema.org/EventCancelled", "http://schema.org/EventCancelled/", "Cancelled", "canceled"]
        {
            assert!(says_cancelled(state), "{state}");
        }
        for state in ["EventCancelled", "schema:EventCancelled", "CANCELLED ", "event cancelled", "abgesagt"] {
            assert!(says_cancelled(state), "{state}");
        }
        for state in ["", "EventScheduled", "https://schema.org/EventPostponed", "confirmed", "not cancelled"] {
            assert!(!says_cancelled(state), "{state}");
        }
    }

    #[test]
    fn only_clean_web_addresses_are_kept() {
        assert_eq!(web_address(" HTTPS://example.com/A ").as_deref(), Some("https://example.com/A"));
        for wrong in ["example.com", "https://a b", "https://a\0b", "ftp://x", "https", "ﬀhttps://x"] {
            assert_eq!(web_address(wrong), None, "{wrong:?}");
        }
    }
}
