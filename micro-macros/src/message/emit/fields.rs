//! Fields with names, of a struct or of a variant: what is written of them, and their slots.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

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

    /// One piece of code for each field, given its place and a name of ours for it.
    fn each(&self, code: impl Fn(usize, &Field, Ident) -> TokenStream) -> Vec<TokenStream> {
        let with_cfg = |(at, field): (usize, &Field)| {
            let mut bound = bound(at);
            bound.set_span(field.ty.at());
            let (cfg, code) = (attributes(&field.key), code(at, field, bound));
            quote!(#cfg #code)
        };
        self.fields.iter().enumerate().map(with_cfg).collect()
    }

    /// A pattern that binds each field to a name of ours.
    pub(super) fn pattern(&self) -> TokenStream {
        let fields = self.each(|_, field, bound| {
            let ident = &field.ident;
            quote!(#ident: #bound)
        });
        quote!({ #(#fields),* })
    }

    /// Appends the fields that the pattern bound, in the order of their tags, as other writers of protobuf.
    pub(super) fn encode(&self) -> TokenStream {
        let fields = self.each(|_, field, bound| {
            if field.is_one_of {
                let encode = self.scope.inline(&field.ty, "encode");
                return quote!(#encode(#bound, out););
            }
            let (encode, tag) = (self.scope.form(&field.ty, "encode"), field.key.tag.number);
            quote!(#encode(#bound, #tag, out);)
        });
        let tags = self.fields.iter().map(|field| field.key.tag.number);
        let mut fields: Vec<_> = tags.zip(fields).collect();
        fields.sort_by_key(|(tag, _)| *tag);
        fields.into_iter().map(|(_, field)| field).collect()
    }

    /// How many of the fields that the pattern bound are present.
    pub(super) fn count(&self) -> TokenStream {
        let message = &self.scope.message;
        let fields = self.each(|_, field, bound| {
            let is_absent = self.scope.form(&field.ty, "is_absent");
            quote!(#is_absent(#bound))
        });
        quote!(#message::count(&[#(#fields),*]))
    }

    /// Writes the fields that the pattern bound by serde.
    pub(super) fn serialize(&self, name: &str) -> TokenStream {
        let (message, count) = (&self.scope.message, self.count());
        let fields = self.each(|_, field, bound| {
            if field.is_one_of {
                let write = self.scope.inline(&field.ty, "write");
                return quote!(#write(#bound, &mut fields)?;);
            }
            let (write, name) = (self.scope.form(&field.ty, "write_field"), &field.key.name);
            quote!(#write(#bound, #name, &mut fields)?;)
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
        let scope = self.scope;
        let (cfg, visibility) = (&scope.cfg, &scope.visibility);
        let (core, message, ty) = (&scope.core, &scope.message, scope.ty());
        let (impl_generics, _, where_clause) = scope.generics.split_for_impl();
        let types = self.each(|_, field, bound| {
            let slot = self.item(field, "Slot");
            quote_spanned!(field.ty.at()=> #bound: #slot,)
        });
        let defaults = self.each(|_, field, bound| {
            let default =
                super::respanned(&quote!(#core::default::Default::default), field.ty.at());
            quote_spanned!(field.ty.at()=> #bound: #default(),)
        });
        let default = quote! {
            fn default() -> Self {
                Self { #(#defaults)* __marker: #core::marker::PhantomData }
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
        quote! {
            #cfg
            #visibility struct #slots #impl_generics #where_clause {
                #(#types)*
                __marker: #core::marker::PhantomData<fn() -> #ty>,
            }
            #default
            #read
            #keys
        }
    }

    /// What the field, or the oneof that it is, calls `item`.
    fn item(&self, field: &Field, item: &str) -> TokenStream {
        match field.is_one_of {
            true => self.scope.inline(&field.ty, item),
            false => self.scope.form(&field.ty, item),
        }
    }

    fn merge(&self) -> TokenStream {
        let (core, message) = (&self.scope.core, &self.scope.message);
        let arms = self.each(|_, field, bound| {
            let (ty, tag, name) = (&field.ty, field.key.tag.number, &field.key.name);
            if field.is_one_of {
                let [has, merge] = ["has", "merge"].map(|item| self.scope.inline(ty, item));
                return quote_spanned!(ty.at()=> _ if #has(tag) => #merge(&mut self.#bound, tag, wire, input),);
            }
            let merge = self.scope.form(ty, "merge_field");
            quote_spanned!(ty.at()=> #tag => #merge(&mut self.#bound, #name, wire, input),)
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
        let fields = self.each(|_, field, bound| {
            let (ident, ty, name) = (&field.ident, &field.ty, &field.key.name);
            if field.is_one_of {
                let finish = self.scope.inline(ty, "finish");
                return quote_spanned!(ty.at()=> #ident: #finish(self.#bound)?);
            }
            let finish = self.scope.form(ty, "finish_field");
            quote_spanned!(ty.at()=> #ident: #finish(self.#bound, #name)?)
        });
        quote! {
            fn finish(self) -> #core::result::Result<Self::Record, #message::Fault> {
                #core::result::Result::Ok(#constructor { #(#fields),* })
            }
        }
    }

    fn schema(&self, name: &TokenStream) -> TokenStream {
        let message = &self.scope.message;
        let has_one_of = self.fields.iter().any(|field| field.is_one_of);
        let members = self.each(|_, field, _| {
            let (ty, name, tag) = (&field.ty, &field.key.name, field.key.tag.number);
            if field.is_one_of {
                let members = self.scope.inline(ty, "members");
                return quote!(#members(#name));
            }
            let member = self.scope.form(ty, "member");
            match has_one_of {
                true => quote!(#message::Vec::from([#member(#name, #tag)])),
                false => quote!(#member(#name, #tag)),
            }
        });
        let members = match has_one_of {
            true => quote!([#(#members),*].concat()),
            false => quote!([#(#members),*].into()),
        };
        quote! {
            fn schema() -> #message::Schema {
                #message::Schema::of::<Self>(#name, #message::Shape::Message(#members))
            }
        }
    }

    /// The distance between the places of two fields of one oneof: more than there are fields, and never 1.
    fn stride(&self) -> usize {
        self.fields.len() + 1
    }

    /// The places of a oneof's fields are behind those of the fields here, and tell which of these the oneof is.
    fn places(&self) -> TokenStream {
        let core = &self.scope.core;
        let (mut own, mut rest, all) = (Vec::new(), TokenStream::new(), self.stride());
        for (at, field) in self.fields.iter().enumerate() {
            if !field.is_one_of {
                own.push((at, &field.key));
                continue;
            }
            let (cfg, place) = (
                attributes(&field.key),
                self.scope.inline(&field.ty, "place"),
            );
            rest.extend(quote! {
                #cfg
                {
                    if let #core::option::Option::Some(inner) = #place(name) {
                        return #core::option::Option::Some(#at + #all * (inner + 1));
                    }
                }
            });
        }
        places(own.into_iter(), &rest, self.scope)
    }

    pub(super) fn keys(&self) -> TokenStream {
        let (core, message) = (&self.scope.core, &self.scope.message);
        let places = self.places();
        let all = self.stride();
        let arms = self.each(|place, field, bound| {
            if field.is_one_of {
                let read = self.scope.inline(&field.ty, "read");
                return quote_spanned! {field.ty.at()=>
                    _ if place % #all == #place => #read(&mut self.#bound, place / #all - 1, map),
                };
            }
            let read = self.scope.form(&field.ty, "read_field");
            quote_spanned!(field.ty.at()=> #place => #read(&mut self.#bound, map),)
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

/// Finds the place of a name, in either spelling; `rest` returns that of a name which none of the keys has.
pub(super) fn places<'a>(
    keys: impl Iterator<Item = (usize, &'a Keys)>,
    rest: &TokenStream,
    scope: &Scope,
) -> TokenStream {
    let core = &scope.core;
    let arms = keys.map(|(place, key)| {
        let (cfg, name) = (attributes(key), &key.name);
        let camel = Some(&key.camel).filter(|camel| *camel != name).into_iter();
        quote!(#cfg #name #(| #camel)* => #core::option::Option::Some(#place),)
    });
    let rest = match rest.is_empty() {
        true => quote!(#core::option::Option::None),
        false => quote!({ #rest #core::option::Option::None }),
    };
    quote! {
        fn place(name: &str) -> #core::option::Option<usize> {
            match name {
                #(#arms)*
                _ => #rest,
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
