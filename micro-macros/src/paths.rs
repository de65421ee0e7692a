//! Where generated code finds the runtime, and where it says that it stands.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::rewrite;

/// The path of the crate `micro`, under the name that the user's `Cargo.toml` gives it.
pub(crate) fn micro() -> TokenStream {
    let name = match crate_name("micro") {
        Ok(FoundCrate::Name(name)) => name,
        // The crate itself names itself so, by `extern crate self as micro`. A crate that gets it
        // from elsewhere has no line for it in its Cargo.toml, and `::micro` is the best guess.
        Ok(FoundCrate::Itself) | Err(_) => "micro".to_owned(),
    };
    let name = Ident::new(&name, Span::call_site());
    quote!(::#name)
}

/// The path of the module that holds what generated code may name.
pub(crate) fn private() -> TokenStream {
    let micro = micro();
    quote!(#micro::__private)
}

/// The same path as the first tokens of generated code at `span`, which is made by [`at`] or [`own`].
pub(crate) fn private_at(span: Span) -> TokenStream {
    rewrite::respan(private(), span)
}

/// A span for generated code that the compiler should blame on the user's code at `span`.
///
/// It is still known as generated, so that lints leave it alone.
pub(crate) fn at(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The same for code that has variables: no name of the user's, of an argument or a function, means one of them.
pub(crate) fn own(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// A variable of generated code, as [`own`] code knows it.
pub(crate) fn variable(name: &str) -> Ident {
    Ident::new(name, own(Span::call_site()))
}
