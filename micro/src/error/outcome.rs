//! Results as generated code meets them.

use super::{Error, Result};

/// A result, whatever alias it is written by.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a result: write `micro::Result<{Self}>`",
    label = "cannot fail"
)]
pub trait Outcome {
    /// What it holds if all went well.
    type Value;
    /// What it holds if not.
    type Failure: Into<Error>;

    /// The result itself.
    ///
    /// # Errors
    ///
    /// Its own.
    fn into_result(self) -> Result<Self::Value, Self::Failure>;
}

impl<T, E: Into<Error>> Outcome for Result<T, E> {
    type Value = T;
    type Failure = E;

    fn into_result(self) -> Self {
        self
    }
}
