//! The mistakes found in one item, gathered so that one build shows them all.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Collects errors; an expansion reads on after a mistake where it can.
#[derive(Debug, Default)]
pub(crate) struct Diag {
    errors: Vec<syn::Error>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Underlines `wrong`, which should be the smallest token that is, with what to write instead.
    pub(crate) fn error(&mut self, wrong: impl ToTokens, message: impl Display) {
        self.join(syn::Error::new_spanned(wrong, message));
    }

    /// Underlines one span.
    pub(crate) fn error_at(&mut self, span: proc_macro2::Span, message: impl Display) {
        self.join(syn::Error::new(span, message));
    }

    /// Takes over an error of the parser.
    pub(crate) fn join(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// The value, or `None` after noting the error.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.join(error)).ok()
    }

    /// True if nothing is wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// The messages, one by one, for tests of what an expansion says.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.errors
            .iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }
}

impl ToTokens for Diag {
    /// One `compile_error!` for each mistake.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.errors.iter().map(syn::Error::to_compile_error));
    }
}
