//! Content type → how values are written and read.
//!
//! Used by the client and server ends through [`Format`], the table of one type; knows no carrier.
//! JSON, MessagePack and protobuf are called directly. Any other content type is a [`Codec`] that
//! announced itself with a [`Backend`], in this crate or in another one.

#[cfg(feature = "codec-bson")]
mod bson;
mod empty;
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "HTTP alone seals"))]
pub mod envelope;
mod field;
mod format;
#[doc(hidden)]
pub mod generated;
mod json;
#[cfg(feature = "codec-msgpack")]
mod msgpack;
#[cfg(not(feature = "codec-msgpack"))]
#[path = "absent.rs"]
mod msgpack;
mod outline;
#[doc(hidden)]
pub mod probe;
mod proto;
mod protobuf;
mod refusal;
mod registered;
mod schema;
mod streaming;
mod wire;

pub use format::{Format, Message, Plain};
pub use proto::{ProtoFile, Rpc};
pub(crate) use proto::{openapi, package_name};
pub use registered::{Backend, Codec, Target};
pub use schema::{Kind, Label, Member, Outline, Schema, Shape};
pub use streaming::Streaming;
#[cfg(feature = "grpc")]
pub(crate) use wire::{Fault, Input, WireType, nested};
