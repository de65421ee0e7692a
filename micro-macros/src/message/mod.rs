//! `#[micro::message]`.

use proc_macro2::TokenStream;

/// Emits the item.
pub(crate) fn expand(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
