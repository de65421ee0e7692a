//! micro

extern crate self as micro;

#[doc(hidden)]
#[path = "__private.rs"]
pub mod __private;
pub mod address;
pub mod broker;
pub mod client;
pub mod codec;
mod context;
mod error;
mod flags;
mod function;
pub mod id;
pub mod message;
mod metadata;
pub mod prelude;
mod program;
pub mod registry;
pub mod selector;
pub mod server;
mod service;
mod settings;
pub mod transport;
mod typed_error;
#[cfg(feature = "http")]
mod wire;
pub mod wrapper;

pub use clap;
pub use inventory;

pub use client::{Call, Client, Publish, Publisher};
pub use codec::{Message, Plain, Streaming};
pub use context::Context;
pub use error::{Error, Outcome, Result, TypedError};
pub use metadata::Metadata;
#[cfg(feature = "macros")]
pub use micro_macros::{error, function, handler, main, message, service, subscriber};
pub use server::{
    Definition, Handle, Handler, bidirectional, client_streaming, server_streaming, subscriber,
    unary,
};
pub use service::{Builder, Running, Service, ServiceClient};
