//! Enums.

use std::collections::HashSet;

use proc_macro2::{Ident, Literal, TokenStream};
use protox::prost_reflect::{EnumDescriptor, EnumValueDescriptor};
use quote::quote;

use super::docs;
use super::naming::{ident, type_name, variant};
use super::scope::allowed;
use crate::names::{plain, words};
use crate::paths;

/// The enum; the comment goes before it. Of two names for one number the first is taken.
pub(super) fn choice(choice: &EnumDescriptor) -> TokenStream {
    let (micro, allowed, name) = (paths::micro(), allowed(), type_name(choice.name()));
    let mut numbers = HashSet::new();
    // In the order of the file, which begins with the zero.
    let written = choice.enum_descriptor_proto().value.iter();
    let values = written.filter_map(|value| choice.get_value_by_name(value.name()));
    let values: Vec<EnumValueDescriptor> = values
        .filter(|value| numbers.insert(value.number()))
        .collect();
    let named = names(choice.name(), &values);
    let mut unknown = String::from("Unrecognized");
    while named.iter().any(|(own, _)| *own == unknown) {
        unknown.push('_');
    }
    let (unknown, file) = (ident(&unknown), choice.parent_file());
    let variants = values.iter().zip(&named).map(|(value, (own, wire))| {
        let default = (value.number() == 0).then(|| quote!(#[default]));
        let key = (words(&plain(own), '_').to_uppercase() != *wire)
            .then(|| quote!(#[micro(name = #wire)]));
        let (docs, number) = (docs::of(&file, value.path()), number(value.number()));
        quote!(#docs #default #key #own = #number,)
    });
    quote! {
        #[#micro::message]
        #allowed
        pub enum #name {
            #(#variants)*
            /// A number that the proto file has no name for.
            #[micro(unknown)]
            #unknown(i32),
        }
    }
}

/// What the values are called here and in JSON: without the name of the enum, if all of them start with it.
fn names(name: &str, values: &[EnumValueDescriptor]) -> Vec<(Ident, String)> {
    let prefix = words(name, '_').to_uppercase() + "_";
    let short = |value: &EnumValueDescriptor| {
        let rest = value.name().strip_prefix(&prefix)?;
        rest.starts_with(|first: char| first.is_ascii_alphabetic())
            .then(|| (variant(rest), rest.to_owned()))
    };
    let full = |value: &EnumValueDescriptor| (variant(value.name()), value.name().to_owned());
    let are_apart = |names: &Vec<(Ident, String)>| {
        let mut seen = HashSet::new();
        names.iter().all(|(own, _)| seen.insert(own.clone()))
    };
    let shortened: Option<Vec<_>> = values.iter().map(short).collect();
    shortened
        .filter(are_apart)
        .unwrap_or_else(|| values.iter().map(full).collect())
}

fn number(number: i32) -> TokenStream {
    let digits = Literal::u32_unsuffixed(number.unsigned_abs());
    match number < 0 {
        true => quote!(-#digits),
        false => quote!(#digits),
    }
}
