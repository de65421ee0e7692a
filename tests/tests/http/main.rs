//! Calls over HTTP: what each end promises, seen from raw bytes and from the other end.

mod bombs;
mod calls;
mod client;
mod closing;
mod events;
mod handlers;
mod http2;
mod json_rpc;
mod limits;
mod paths;
mod pool;
mod raw;
mod services;
mod streams;
mod web;
mod web_socket;
