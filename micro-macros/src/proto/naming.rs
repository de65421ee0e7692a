//! Names of a proto file as names of Rust.

use proc_macro2::{Ident, Span};
use quote::format_ident;

use crate::names::{upper_camel, words};

/// An identifier of this text; a keyword stands behind `r#`, or, where that is not enough, before an underscore.
pub(super) fn ident(text: &str) -> Ident {
    match syn::parse_str::<Ident>(text) {
        Ok(_) => Ident::new(text, Span::call_site()),
        Err(_) if matches!(text, "_" | "self" | "Self" | "super" | "crate") => {
            format_ident!("{text}_")
        }
        Err(_) => Ident::new_raw(text, Span::call_site()),
    }
}

/// `HelloRequest` is itself, and so is `Hello_request`.
pub(super) fn type_name(name: &str) -> Ident {
    ident(&upper_camel(name))
}

/// What a field, a method or a module is called: `userID` is `user_id`.
pub(super) fn snake(name: &str) -> String {
    words(name, '_')
}

/// What the value `SHIPPED_LATE` of an enum is called: `ShippedLate`.
pub(super) fn variant(value: &str) -> Ident {
    let is_screaming = !value.contains(|letter: char| letter.is_ascii_lowercase());
    match is_screaming {
        true => type_name(&value.to_ascii_lowercase()),
        false => type_name(value),
    }
}
