//! How an error reads: one line for people, its parts for logs.

use std::fmt;

use super::Error;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.id().is_empty() {
            write!(f, "{}: ", self.id())?;
        }
        write!(f, "{} ({} {})", self.detail(), self.code(), self.status())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown
            .field("code", &self.0.code)
            .field("id", &self.0.id)
            .field("detail", &self.0.detail);
        if let Some(reason) = self.reason() {
            shown
                .field("reason", &reason)
                .field("fields", &self.0.fields);
        }
        if self.0.never_reached {
            shown.field("never_reached", &true);
        }
        if let Some(source) = &self.0.source {
            shown.field("source", source);
        }
        shown.finish()
    }
}
