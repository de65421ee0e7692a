//! Exactly what generated code may name. Not part of the public interface: it changes without notice.

pub use std::process::ExitCode;
pub use std::sync::Arc;
pub use std::time::Duration;

pub use clap;
pub use futures_util::Stream;
pub use inventory;

pub use crate::broker::Mode;
pub use crate::client::{Call, Method, Publish, Publisher};
pub use crate::codec::{Format, Streaming, generated as message, probe};
pub use crate::context::Context;
pub use crate::error::typed::{Field, FieldMap, typed_error};
pub use crate::error::{Error, Outcome, Result, TypedError};
pub use crate::program::{
    Ending, Linked, Program, function, main, main_with_args, main_with_service,
};
pub use crate::server::{
    Definition, Emitter, Handle, Handler, Subscriber, bidirectional_as as bidirectional,
    client_streaming_as as client_streaming, server_streaming_as as server_streaming,
    subscriber_as as subscriber, unary_as as unary,
};
pub use crate::service::{Service, ServiceClient};

/// Publishes `event` to `topic` when awaited.
pub fn publish<T>(service: &Service, topic: &'static str, format: Format<T>, event: &T) -> Publish {
    Publisher::new(service.client(), topic.into(), format).publish(event)
}
