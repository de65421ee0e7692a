//! Results as generated code meets them.

use super::{Error, Result};

/// A result, whatever alias it is written by.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a result that can be sent",
    label = "cannot be returned here",
    note = "write `micro::Result<T>`, or `Result<T, E>` with an `E` that is annotated with `#[micro::error]`, or converts into `micro::Error`"
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

#[diagnostic::do_not_recommend]
impl<T, E: Into<Error>> Outcome for Result<T, E> {
    type Value = T;
    type Failure = E;

    fn into_result(self) -> Self {
        self
    }
}
