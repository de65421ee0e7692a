//! Fields with names, of a struct or of a variant: what is written of them, and their slots.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::Scope;
use crate::message::model::{Field, Keys};

/// The fields of one message.
pub(super) struct Fields<'a> {
    scope: &'a Scope,
    fields: &'a [Field],
}

impl<'a> Fields<'a> {
    pub(super) fn new(scope: &'a Scope, fields: &'a [Field]) -> Self {
        Self { scope, fields }
    }

    fn bound(&self) -> impl Iterator<Item = (&Field, Ident)> {
        self.fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field, bound(at)))
    }

    /// A pattern that binds each field to a name of ours.
    pub(super) fn pattern(&self) -> TokenStream {
        let bound = self.bound().map(|(field, name)| {
            let (cfg, ident) = (&field.key.cfg, &field.ident);
            quote!(#(#cfg)* #ident: #name)
        });
        quote!({ #(#bound),* })
    }

    /// Appends the fields that the pattern bound.
    pub(super) fn encode(&self) -> TokenStream {
        let message = &self.scope.message;
        let fields = self.bound().map(|(field, name)| {
            let (cfg, tag) = (&field.key.cfg, field.key.tag.number);
            quote!(#(#cfg)* #message::encode(#name, #tag, out);)
        });
        quote!(#(#fields)*)
    }

    /// How many of the fields that the pattern bound are present.
    pub(super) fn count(&self) -> TokenStream {
        let message = &self.scope.message;
        let fields = self.bound().map(|(field, name)| {
            let cfg = &field.key.cfg;
            quote!(#(#cfg)* #message::is_absent(#name))
        });
        quote!(#message::count(&[#(#fields),*]))
    }

    /// Writes the fields that the pattern bound by serde.
    pub(super) fn serialize(&self, name: &str) -> TokenStream {
        let (message, count) = (&self.scope.message, self.count());
        let fields = self.bound().map(|(field, bound)| {
            let (cfg, name) = (&field.key.cfg, &field.key.name);
            quote!(#(#cfg)* #message::write(&mut fields, #name, #bound)?;)
        });
        quote! {
            let mut fields = #message::serde::Serializer::serialize_struct(serializer, #name, #count)?;
            #(#fields)*
            #message::serde::ser::SerializeStruct::end(fields)
        }
    }

    /// A type that holds what was read of the fields, and makes `constructor { … }` of it.
    pub(super) fn slots(
        &self,
        slots: &Ident,
        constructor: &TokenStream,
        name: &TokenStream,
    ) -> TokenStream {
        let (scope, fields) = (self.scope, self.fields);
        let (core, message, ty) = (&scope.core, &scope.message, scope.ty());
        let (impl_generics, _, where_clause) = scope.generics.split_for_impl();
        let cfg: Vec<_> = fields.iter().map(|field| attributes(&field.key)).collect();
        let ident: Vec<_> = fields.iter().map(|field| &field.ident).collect();
        let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
        let default = quote! {
            fn default() -> Self {
                Self {
                    #(#cfg #ident: #core::default::Default::default(),)*
                    __marker: #core::marker::PhantomData,
                }
            }
        };
        let default = scope.implement(quote!(#core::default::Default), slots, default);
        let methods = [self.merge(), self.finish(constructor), self.schema(name)];
        let read = scope.implement(
            quote!(#message::Slots),
            slots,
            quote!(type Record = #ty; #(#methods)*),
        );
        let keys = scope.implement(quote!(#message::Keys), slots, self.keys());
        let (cfg_of_all, visibility) = (&scope.cfg, &scope.visibility);
        quote! {
            #cfg_of_all
            #visibility struct #slots #impl_generics #where_clause {
                #(#cfg #ident: #message::Slot<#types>,)*
                __marker: #core::marker::PhantomData<fn() -> #ty>,
            }
            #default
            #read
            #keys
        }
    }

    fn merge(&self) -> TokenStream {
        let (core, message) = (&self.scope.core, &self.scope.message);
        let arms = self.fields.iter().map(|field| {
            let Field { ident, ty, key } = field;
            let (cfg, name, tag) = (attributes(key), &key.name, key.tag.number);
            quote!(#cfg #tag => #message::merge::<#ty>(&mut self.#ident, #name, wire, input),)
        });
        quote! {
            fn merge(
                &mut self,
                tag: u32,
                wire: #message::WireType,
                input: &mut #message::Input<'_>,
            ) -> #core::result::Result<(), #message::Fault> {
                match tag {
                    #(#arms)*
                    _ => input.skip(tag, wire),
                }
            }
        }
    }

    fn finish(&self, constructor: &TokenStream) -> TokenStream {
        let (core, message) = (&self.scope.core, &self.scope.message);
        let fields = self.fields.iter().map(|field| {
            let Field { ident, ty, key } = field;
            let (cfg, name) = (attributes(key), &key.name);
            quote!(#cfg #ident: #message::finish::<#ty>(self.#ident, #name)?)
        });
        quote! {
            fn finish(self) -> #core::result::Result<Self::Record, #message::Fault> {
                #core::result::Result::Ok(#constructor { #(#fields),* })
            }
        }
    }

    fn schema(&self, name: &TokenStream) -> TokenStream {
        let message = &self.scope.message;
        let members = self.fields.iter().map(|field| {
            let Field { ty, key, .. } = field;
            let (cfg, name, tag) = (attributes(key), &key.name, key.tag.number);
            quote!(#cfg #message::member::<#ty>(#name, #tag))
        });
        quote! {
            fn schema() -> #message::Schema {
                #message::Schema::of::<Self>(#name, #message::Shape::Message([#(#members),*].into()))
            }
        }
    }

    pub(super) fn keys(&self) -> TokenStream {
        let (core, message) = (&self.scope.core, &self.scope.message);
        let places = places(self.fields.iter().map(|field| &field.key), self.scope);
        let arms = self.fields.iter().enumerate().map(|(place, field)| {
            let (cfg, ident, ty) = (attributes(&field.key), &field.ident, &field.ty);
            quote!(#cfg #place => #message::read::<#ty, __A>(&mut self.#ident, map),)
        });
        quote! {
            #places

            fn read<'__de, __A: #message::serde::de::MapAccess<'__de>>(
                &mut self,
                place: usize,
                map: &mut __A,
            ) -> #core::result::Result<(), __A::Error> {
                match place {
                    #(#arms)*
                    _ => #core::result::Result::Ok(()),
                }
            }
        }
    }
}

/// Finds the place of a name, in either spelling.
pub(super) fn places<'a>(keys: impl Iterator<Item = &'a Keys>, scope: &Scope) -> TokenStream {
    let core = &scope.core;
    let arms = keys.enumerate().map(|(place, key)| {
        let (cfg, name) = (attributes(key), &key.name);
        let camel = Some(&key.camel).filter(|camel| *camel != name).into_iter();
        quote!(#cfg #name #(| #camel)* => #core::option::Option::Some(#place),)
    });
    quote! {
        fn place(name: &str) -> #core::option::Option<usize> {
            match name {
                #(#arms)*
                _ => #core::option::Option::None,
            }
        }
    }
}

/// The conditions on a field or variant.
pub(super) fn attributes(key: &Keys) -> TokenStream {
    let cfg = &key.cfg;
    quote!(#(#cfg)*)
}

/// The name to which a pattern binds a field, which none of the user's is.
pub(super) fn bound(at: usize) -> Ident {
    format_ident!("field_{at}")
}
