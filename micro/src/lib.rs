//! Services that find each other, and typed calls between them: go-micro for Rust, driven by attributes.
//!
//! ```no_run
//! #[micro::message]
//! pub struct HelloRequest { pub name: String }
//!
//! #[micro::message]
//! pub struct HelloResponse { pub greeting: String }
//!
//! pub struct Greeter;
//!
//! #[micro::service(name = "greeter")]
//! impl Greeter {
//!     /// Greets the caller by name.
//!     #[micro::handler]
//!     async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse> {
//!         Ok(HelloResponse { greeting: format!("Hello {}", request.name) })
//!     }
//! }
//!
//! #[micro::main]
//! async fn main(service: micro::Service) -> micro::Result<()> {
//!     service.handle(Greeter).run().await
//! }
//! ```
//!
//! Another program calls it by the client that was generated beside it, or by one that it generates itself from a
//! contract trait:
//!
//! ```no_run
//! # #[micro::message]
//! # pub struct HelloRequest { pub name: String }
//! # #[micro::message]
//! # pub struct HelloResponse { pub greeting: String }
//! #[micro::service(name = "greeter")]
//! pub trait Greeter {
//!     #[micro::handler]
//!     async fn hello(&self, request: HelloRequest) -> micro::Result<HelloResponse>;
//! }
//!
//! #[micro::main]
//! async fn main(service: micro::Service) -> micro::Result<()> {
//!     let greeter = GreeterClient::new(&service);
//!     let reply = greeter.hello(HelloRequest { name: "John".into() }).await?;
//!     println!("{}", reply.greeting);
//!     Ok(())
//! }
//! ```
//!
//! # Where to look
//!
//! - what a program is made of: [`service`](macro@service), [`handler`](macro@handler),
//!   [`subscriber`](macro@subscriber), [`message`](macro@message), [`error`](macro@error), [`main`](macro@main),
//!   [`function`](macro@function);
//! - the same without attributes: [`Service::builder`], [`Handle`], [`unary`] and its kin;
//! - how a call finds its node, and what is tried again: [`calls`];
//! - what keeps failing nodes and too many calls at bay: [`resilience`];
//! - who calls a node and how, from go-micro to curl: [`tongues`];
//! - how connections are secured: [`securing`];
//! - proto files, out of services and into them: [`proto_files`];
//! - events from publishers to subscribers: [`events`];
//! - what may be replaced: [`registry`], [`selector`], [`transport`], [`broker`], [`codec`], [`wrapper`];
//! - probes, metrics and traces: [`observe`]; the numbers for programs: [`telemetry`];
//! - how to join services of go-micro: [`go_micro`];
//! - the servers that it may stand on, such as etcd: [`plugins`]; how to write for others: [`backends`];
//! - how it is built: [`architecture`]; what services speak among themselves: [`wire_format`].
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `codec-bson` | BSON, and go-micro's bson-rpc | no |
//! | `codec-msgpack` | MessagePack, what calls are written as unless a client says otherwise | yes |
//! | `conformance` | the contracts of the seams as tests, for who writes a backend | no |
//! | `frames` | many calls and streams on one connection between our own ends | yes |
//! | `grpc` | gRPC on the same port, and calls to servers of gRPC | yes |
//! | `http` | HTTP/1.1 in go-micro's form, for calls | yes |
//! | `broker-http` | messages over HTTP in go-micro's form | yes |
//! | `broker-nats` | messages through NATS, in go-micro's form, and through its JetStream | no |
//! | `mdns` | discovery on this host, or on the LAN if asked | yes |
//! | `mdns-go` | the same in go-micro's form: finds its services, and is found by them | no |
//! | `macros` | the attributes | yes |
//! | `otel` | spans for a collector of OpenTelemetry, once one is named | no |
//! | `proto` | services and messages from proto files, by `proto!` | no |
//! | `broker-rabbitmq` | messages over RabbitMQ | no |
//! | `registry-consul` | discovery in Consul, in go-micro's form | no |
//! | `registry-dns` | discovery of what others put in DNS: SRV records, headless services of Kubernetes | no |
//! | `registry-etcd` | discovery in etcd, in go-micro's form | no |
//! | `tls` | TLS on the connections of calls and messages, once it is asked for | yes |
//! | `transport-websocket` | frames inside a WebSocket, for callers behind what lets HTTP pass alone | no |
//! | `websocket` | streams of pages in browsers | no |
//!
//! JSON and protobuf, and the memory registry, transport and broker are always there.
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate self as micro;

#[cfg(fuzzing)]
#[doc(hidden)]
#[path = "__fuzz.rs"]
pub mod __fuzz;
#[doc(hidden)]
#[path = "__private.rs"]
pub mod __private;
pub mod address;
#[cfg(feature = "amqp")]
mod amqp;
#[doc = include_str!("docs/architecture.md")]
pub mod architecture {}
#[doc = include_str!("docs/backends.md")]
pub mod backends {}
#[doc = include_str!("docs/plugins.md")]
pub mod plugins {}
#[doc = include_str!("docs/go_micro.md")]
pub mod go_micro {}
#[doc = include_str!("docs/wire.md")]
pub mod wire_format {}
pub mod broker;
#[doc = include_str!("docs/calls.md")]
pub mod calls {}
pub mod client;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod error;
#[doc = include_str!("docs/events.md")]
pub mod events {}
#[cfg(feature = "http")]
#[doc = include_str!("docs/tongues.md")]
pub mod tongues {}
#[cfg(any(feature = "frames", feature = "http"))]
mod dial;
mod flags;
#[doc = include_str!("docs/observe.md")]
pub mod observe {}
#[doc = include_str!("docs/proto.md")]
pub mod proto_files {}
#[cfg(feature = "http")]
mod http;
pub mod id;
mod limits;
#[cfg(any(feature = "frames", feature = "http"))]
mod listener;
pub mod message;
mod metadata;
#[cfg(feature = "nats")]
mod nats;
mod peer;
#[cfg_attr(not(all(feature = "frames", feature = "http")), allow(dead_code))]
mod phase;
pub mod prelude;
mod program;
pub mod registry;
#[doc = include_str!("docs/resilience.md")]
pub mod resilience {}
pub mod selector;
pub mod server;
mod service;
mod settings;
pub mod telemetry;
mod tls;
mod trace;
#[doc = include_str!("docs/tls.md")]
pub mod securing {}
pub mod transport;
#[cfg(any(feature = "frames", feature = "http"))]
mod wire;
pub mod wrapper;

pub use async_trait::async_trait;
pub use clap;
pub use inventory;
pub use tokio;

pub use client::{Call, Client, Publish, Publisher};
pub use codec::{Message, Plain, Streaming};
pub use context::Context;
pub use error::{Error, Outcome, Result, RetryAfter, TypedError};
pub use metadata::Metadata;
#[cfg(feature = "proto")]
pub use micro_macros::proto;
#[cfg(feature = "macros")]
pub use micro_macros::{error, function, handler, main, message, service, subscriber};
pub use peer::Peer;
pub use server::{
    Definition, Handle, Handler, bidirectional, client_streaming, server_streaming, subscriber,
    unary,
};
pub use service::{Builder, Running, Service, ServiceClient};
