//! micro

extern crate self as micro;

pub mod address;
pub mod codec;
mod context;
mod error;
pub mod id;
pub mod message;
mod metadata;
pub mod registry;
pub mod transport;

pub use codec::Message;
pub use context::Context;
pub use error::{Error, Result, TypedError};
pub use metadata::Metadata;

/// stub
#[derive(Debug)]
pub struct Call;
impl Call {
    /// stub
    pub fn detached(&self) {}
}
