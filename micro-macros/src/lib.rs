//! The attributes of `micro`, which re-exports and explains them.
//!
//! Each reads the item, builds a model of it, checks the model and emits code that is thin: types
//! in, types out, one call into the runtime. The user's item is emitted even if something is wrong
//! with it, so that one mistake gives one message and editors keep working.

mod args;
mod diag;
mod message;
mod paths;

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
