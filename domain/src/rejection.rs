//! Why a command was refused, in the domain's words. A dialect maps the kind to its status and body.

use std::borrow::Cow;
use std::fmt;

/// A refusal by a business rule. Nothing is stored when a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub kind: RejectionKind,
    /// The input field that caused it, as the command names it.
    pub field: Option<Cow<'static, str>>,
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
    fn new(kind: RejectionKind, message: impl Into<String>) -> Self {
        Rejection { kind, field: None, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(RejectionKind::NotFound, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Forbidden, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Conflict, message)
    }

    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Invalid, message).on(field)
    }

    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(RejectionKind::Gone, message)
    }

    /// The same refusal, naming the field at fault.
    pub fn on(self, field: impl Into<Cow<'static, str>>) -> Self {
        Rejection { field: Some(field.into()), ..self }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Rejection {}
