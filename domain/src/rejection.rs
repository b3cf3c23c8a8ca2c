//! Why a command was refused, in the domain's words. A dialect maps the kind to its status and body, and where its
//! contract has a text or key of its own, the rule to that.

use std::borrow::Cow;
use std::fmt;

/// A refusal by a business rule. Nothing is stored when a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub kind: RejectionKind,
    /// The rule's name, which never changes: tests compare it, dialects look up texts by it. `docs/RULES.md` lists all.
    pub rule: &'static str,
    /// What is wrong: one thing, unless all that is wrong with an input is told at once. Never none.
    pub faults: Vec<Fault>,
}

/// One thing that a rule finds wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The input field that caused it, as the command names it: `tickets[0].event_id`.
    pub field: Option<Cow<'static, str>>,
    /// In English, continuing the field's name where there is one.
    pub message: String,
}

/// The nature of a [`Rejection`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectionKind {
    /// The thing named does not exist, or not for this caller.
    NotFound,
    /// The caller is known and may not.
    Forbidden,
    /// The state of the thing forbids it.
    Conflict,
    /// The input itself is wrong, whatever the state.
    Invalid,
    /// It existed and has ended for good.
    Gone,
}

impl Rejection {
    fn new(kind: RejectionKind, rule: &'static str, message: impl Into<String>) -> Self {
        Rejection { kind, rule, faults: vec![Fault { field: None, message: message.into() }] }
    }

    pub fn not_found(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::NotFound, rule, message)
    }

    pub fn forbidden(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Forbidden, rule, message)
    }

    pub fn conflict(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Conflict, rule, message)
    }

    pub fn invalid(rule: &'static str, field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Invalid, rule, message).on(field)
    }

    /// All that is wrong with an input: fields, each with its message.
    pub fn all_invalid(rule: &'static str, faults: impl IntoIterator<Item = (String, String)>) -> Self {
        let fault = |(field, message): (String, String)| Fault { field: Some(field.into()), message };
        Rejection { kind: RejectionKind::Invalid, rule, faults: faults.into_iter().map(fault).collect() }
    }

    pub fn gone(rule: &'static str, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Gone, rule, message)
    }

    /// The same refusal, naming the field at fault.
    pub fn on(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        let field = field.into();
        self.faults.iter_mut().for_each(|fault| fault.field = Some(field.clone()));
        self
    }

    /// The same refusal of a part of an input, naming it as a part of `whole`: `event_id` within `tickets[0]`.
    pub fn within(mut self, whole: &str) -> Self {
        for fault in &mut self.faults {
            fault.field = Some(match &fault.field {
                Some(field) => format!("{whole}.{field}").into(),
                None => whole.to_owned().into(),
            });
        }
        self
    }

    /// The field of the first fault.
    pub fn field(&self) -> Option<&str> {
        self.faults.first()?.field.as_deref()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Rejection {}
