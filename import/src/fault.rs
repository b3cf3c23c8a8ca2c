//! What is wrong with a record.

use std::borrow::Cow;
use std::fmt;

/// Why a record is not taken, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In words that many records may share: by these faults are summed up.
    pub reason: Cow<'static, str>,
    /// In full.
    text: Option<String>,
}

impl Fault {
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Fault {
        Fault { reason: reason.into(), text: None }
    }

    /// One that is told with what is particular to its record.
    pub fn told(reason: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Fault {
        Fault { reason: reason.into(), text: Some(text.into()) }
    }

    /// A field whose value is not what it has to be: `what` is wrong with it.
    pub fn of_field(field: &str, value: &str, what: &str) -> Fault {
        Fault::told(format!("{field} {what}"), format!("{field}: {:?} {what}", shortened(value)))
    }

    /// The same, told with the event's name.
    pub fn of(self, name: &str) -> Fault {
        Fault { text: Some(format!("{self} ({})", shortened(name))), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.as_deref().unwrap_or(&self.reason))
    }
}

/// Something that was published, as reports show it.
pub fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_shortened_in_reports() {
        assert_eq!(shortened("Fair"), "Fair");
        assert_eq!(shortened(&"é".repeat(80)).chars().count(), 60);
    }

    #[test]
    fn what_is_particular_is_told_but_not_summed_up() {
        let fault = Fault::told("repeats another", "repeats line 3").of("Fair");
        assert_eq!((fault.to_string().as_str(), fault.reason.as_ref()), ("repeats line 3 (Fair)", "repeats another"));
    }
}
