//! The attributes of `micro`, which re-exports and explains them.
//!
//! Each reads the item, builds a model of it, checks the model and emits code that is thin: types
//! in, types out, one call into the runtime. The user's item is emitted even if something is wrong
//! with it, so that one mistake gives one message and editors keep working.

mod args;
mod diag;
mod entry;
mod error;
mod function;
mod handler;
mod item;
mod linked;
mod message;
mod method;
mod names;
mod paths;
mod service;
mod subscriber;

use proc_macro::TokenStream;

/// Makes a struct or enum a message: serde, protobuf, `Debug`, `Clone`, `PartialEq` and `Default`.
///
/// ```text
/// #[micro::message]
/// pub struct HelloRequest {
///     pub name: String,
/// }
/// ```
#[proc_macro_attribute]
pub fn message(args: TokenStream, item: TokenStream) -> TokenStream {
    message::expand(args.into(), item.into()).into()
}

/// Service.
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    service::expand(args.into(), item.into()).into()
}

/// Handler.
#[proc_macro_attribute]
pub fn handler(args: TokenStream, item: TokenStream) -> TokenStream {
    handler::expand(args.into(), item.into()).into()
}

/// Subscriber.
#[proc_macro_attribute]
pub fn subscriber(args: TokenStream, item: TokenStream) -> TokenStream {
    subscriber::expand(args.into(), item.into()).into()
}

/// Function.
#[proc_macro_attribute]
pub fn function(args: TokenStream, item: TokenStream) -> TokenStream {
    function::expand(args.into(), item.into()).into()
}

/// Main.
#[proc_macro_attribute]
pub fn main(args: TokenStream, item: TokenStream) -> TokenStream {
    entry::expand(args.into(), item.into()).into()
}

/// Error.
#[proc_macro_attribute]
pub fn error(args: TokenStream, item: TokenStream) -> TokenStream {
    error::expand(args.into(), item.into()).into()
}
