//! Content type → how values are written and read.
//!
//! Used by the client and server ends through [`Format`]; knows no carrier.

mod format;
mod json;
mod msgpack;
mod schema;
mod streaming;

pub use format::{Format, Functions, Message, Plain};
pub use schema::{Outline, Schema};
pub use streaming::Streaming;
