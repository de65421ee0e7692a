//! Content type → how values are written and read.
//!
//! Used by the client and server ends through [`Format`]; knows no carrier.

mod format;
mod json;
mod msgpack;

pub use format::{Format, Functions, Message, Plain};
