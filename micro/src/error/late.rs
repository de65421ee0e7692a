//! Errors of calls whose time ran out, told from others that have the same codes.

use super::Error;

/// Their reason, over the wire as well; no typed error has a name like it.
const LATE: &str = "micro.Late";

impl Error {
    /// Says that the time of the call ran out, and that the detail says where it went.
    pub(crate) fn late(self) -> Self {
        self.with_reason(LATE, serde_json::Map::new())
    }

    /// True if the time of the call ran out, here or at a far end.
    pub(crate) fn is_late(&self) -> bool {
        self.reason() == Some(LATE)
    }
}
