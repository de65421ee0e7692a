//! Enums without fields.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use crate::message::model::{Alternative, Role};
use crate::names::plain;

pub(super) fn choice(scope: &Scope, alternatives: &[Alternative]) -> TokenStream {
    let (core, message, own) = (&scope.core, &scope.message, scope.name());
    let methods = [
        number(scope, alternatives),
        from_number(scope, alternatives),
        from_name(scope, alternatives),
        schema(scope, alternatives),
    ];
    let parts = [
        scope.forms("Choice", "serde"),
        scope.implement(
            quote!(#message::Enumeration),
            &scope.ident,
            quote!(const NAME: &'static #core::primitive::str = #own; #(#methods)*),
        ),
        scope.serialize(&quote!(#message::serialize_choice(self, serializer))),
        scope.deserialize(&quote!(#message::deserialize_choice::<Self, __D>)),
    ];
    quote!(#(#parts)*)
}

fn cfg(alternative: &Alternative) -> TokenStream {
    let cfg = &alternative.cfg;
    quote!(#(#cfg)*)
}

fn number(scope: &Scope, alternatives: &[Alternative]) -> TokenStream {
    let arms = alternatives.iter().map(|alternative| {
        let (cfg, ident) = (cfg(alternative), &alternative.ident);
        match &alternative.role {
            Role::Number { number, .. } => quote!(#cfg Self::#ident => #number,),
            Role::Unknown { .. } => quote!(#cfg Self::#ident(number) => *number,),
        }
    });
    let core = &scope.core;
    quote! {
        fn number(&self) -> #core::primitive::i32 {
            match self {
                #(#arms)*
            }
        }
    }
}

fn from_number(scope: &Scope, alternatives: &[Alternative]) -> TokenStream {
    let core = &scope.core;
    let some = quote!(#core::option::Option::Some);
    let mut rest = quote!(_ => #core::option::Option::None,);
    let mut arms = TokenStream::new();
    for alternative in alternatives {
        let (cfg, ident) = (cfg(alternative), &alternative.ident);
        match &alternative.role {
            Role::Number { number, .. } => {
                arms.extend(quote!(#cfg #number => #some(Self::#ident),))
            }
            Role::Unknown { .. } => rest = quote!(number => #some(Self::#ident(number)),),
        }
    }
    quote! {
        fn from_number(number: #core::primitive::i32) -> #core::option::Option<Self> {
            match number {
                #arms
                #rest
            }
        }
    }
}

/// Each variant is known by its name in Rust and in a proto file.
fn from_name(scope: &Scope, alternatives: &[Alternative]) -> TokenStream {
    let core = &scope.core;
    let mut taken = HashSet::new();
    let mut arms = TokenStream::new();
    let spellings: [fn(&str, &str) -> String; 2] =
        [|ident, _| ident.to_owned(), |_, name| name.to_owned()];
    for spelling in spellings {
        for alternative in alternatives {
            let Role::Number { name, .. } = &alternative.role else {
                continue;
            };
            let (cfg, ident) = (cfg(alternative), &alternative.ident);
            let spelled = spelling(&plain(ident), name);
            if taken.insert(spelled.clone()) {
                arms.extend(quote!(#cfg #spelled => #core::option::Option::Some(Self::#ident),));
            }
        }
    }
    quote! {
        fn from_name(name: &#core::primitive::str) -> #core::option::Option<Self> {
            match name {
                #arms
                _ => #core::option::Option::None,
            }
        }
    }
}

fn schema(scope: &Scope, alternatives: &[Alternative]) -> TokenStream {
    let (message, own) = (&scope.message, scope.name());
    let members = alternatives
        .iter()
        .filter_map(|alternative| match &alternative.role {
            Role::Number { number, name, .. } => {
                let cfg = cfg(alternative);
                Some(quote!(#cfg (#name, #number)))
            }
            Role::Unknown { .. } => None,
        });
    quote! {
        fn schema() -> #message::Schema {
            #message::Schema::of::<Self>(#own, #message::Shape::Enum([#(#members),*].into()))
        }
    }
}
