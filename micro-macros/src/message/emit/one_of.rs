//! Enums whose variants hold something: messages with a oneof.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::Scope;
use super::fields::{Fields, attributes, bound, places};
use crate::message::model::{Field, Payload, Variant};
use crate::names::plain;

pub(super) fn one_of(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let message = &scope.message;
    let slots = scope.hidden("Slots");
    let (_, ty_generics, _) = scope.generics.split_for_impl();
    let forms = scope.forms("Nested", "message");
    let record = record(scope, variants, &slots);
    let slots_of = slots_of(scope, variants, &slots);
    let parts = variants.iter().map(|variant| parts(scope, variant));
    let serialize = serialize(scope, variants);
    let deserialize = scope.deserialize(&quote!(#message::deserialize::<#slots #ty_generics, __D>));
    quote!(#forms #record #slots_of #(#parts)* #serialize #deserialize)
}

/// The slots of the fields of a variant, and what of it serde writes.
fn parts(scope: &Scope, variant: &Variant) -> TokenStream {
    let Payload::Fields(fields, _) = &variant.payload else {
        return TokenStream::new();
    };
    let scope = &scope.when(attributes(&variant.key));
    let (ident, name) = (&scope.ident, &variant.ident);
    let fields_of = Fields::new(scope, fields);
    let slots = hidden(scope, variant, "Slots");
    let slots = fields_of.slots(
        &slots,
        &quote!(#ident::#name),
        &scope.full_name(&plain(name)),
    );
    let view = view(scope, variant, fields);
    quote!(#slots #view)
}

/// A variant's fields, borrowed, as a message of their own.
fn view(scope: &Scope, variant: &Variant, fields: &[Field]) -> TokenStream {
    let (cfg, core, message, ty) = (&scope.cfg, &scope.core, &scope.message, scope.ty());
    let view = hidden(scope, variant, "View");
    let mut generics = scope.generics.clone();
    generics.params.insert(0, syn::parse_quote!('__a));
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let members = fields.iter().map(|field| {
        let (cfg, ident, ty) = (attributes(&field.key), &field.ident, &field.ty.resolved);
        quote!(#cfg #ident: &'__a #ty,)
    });
    let bindings = fields.iter().enumerate().map(|(at, field)| {
        let (cfg, ident, name) = (attributes(&field.key), &field.ident, bound(at));
        quote!(#cfg let #name = self.#ident;)
    });
    let write = Fields::new(scope, fields).serialize(&plain(&variant.ident));
    quote! {
        #cfg
        struct #view #impl_generics #where_clause {
            #(#members)*
            __marker: #core::marker::PhantomData<&'__a #ty>,
        }

        #cfg
        #[automatically_derived]
        impl #impl_generics #message::serde::Serialize for #view #ty_generics #where_clause {
            fn serialize<__S: #message::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> #core::result::Result<__S::Ok, __S::Error> {
                #(#bindings)*
                #write
            }
        }
    }
}

fn hidden(scope: &Scope, variant: &Variant, suffix: &str) -> Ident {
    scope.hidden(&format!("{}{suffix}", plain(&variant.ident)))
}

/// One arm for each variant.
fn arms<'a, Arm>(variants: &'a [Variant], arm: Arm) -> impl Iterator<Item = TokenStream> + 'a
where
    Arm: Fn(usize, &'a Variant) -> TokenStream + 'a,
{
    variants.iter().enumerate().map(move |(at, variant)| {
        let (cfg, arm) = (attributes(&variant.key), arm(at, variant));
        quote!(#cfg #arm)
    })
}

fn record(scope: &Scope, variants: &[Variant], slots: &Ident) -> TokenStream {
    let message = &scope.message;
    let (_, ty_generics, _) = scope.generics.split_for_impl();
    let arms = arms(variants, |_, variant| {
        let (ident, tag) = (&variant.ident, variant.key.tag.number);
        match &variant.payload {
            Payload::Value(ty) => {
                let put = scope.single(ty, "put");
                quote!(Self::#ident(value) => #put(value, #tag, out),)
            }
            Payload::Fields(fields, _) => {
                let fields = Fields::new(scope, fields);
                let (pattern, encode) = (fields.pattern(), fields.encode());
                quote!(Self::#ident #pattern => #message::nested(#tag, out, |out| { #encode }),)
            }
        }
    });
    let record = quote! {
        type Slots = #slots #ty_generics;

        fn encode(&self, out: &mut #message::Vec<u8>) {
            match self {
                #(#arms)*
            }
        }

        fn is_absent(&self) -> bool {
            false
        }
    };
    scope.implement(quote!(#message::Record), &scope.ident, record)
}

fn serialize(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let (core, message, name) = (&scope.core, &scope.message, scope.name());
    let arms = arms(variants, |_, variant| {
        let (ident, name) = (&variant.ident, &variant.key.name);
        match &variant.payload {
            Payload::Value(ty) => {
                let write = scope.single(ty, "write_variant");
                quote!(Self::#ident(value) => #write(value, #name, fields)?,)
            }
            Payload::Fields(inner, _) => {
                let view = hidden(scope, variant, "View");
                let pattern = Fields::new(scope, inner).pattern();
                let members = inner.iter().enumerate().map(|(at, field)| {
                    let (cfg, ident, bound) = (attributes(&field.key), &field.ident, bound(at));
                    quote!(#cfg #ident: #bound,)
                });
                quote! {
                    Self::#ident #pattern => {
                        let view = #view { #(#members)* __marker: #message::marker(self) };
                        #message::serde::ser::SerializeStruct::serialize_field(fields, #name, &view)?;
                    }
                }
            }
        }
    });
    let write = quote! {
        fn write<__W: #message::serde::ser::SerializeStruct>(
            &self,
            fields: &mut __W,
        ) -> #core::result::Result<(), __W::Error> {
            match self {
                #(#arms)*
            }
            #core::result::Result::Ok(())
        }
    };
    let write = scope.implement(quote!(#message::OneOf), &scope.ident, write);
    let serialize = scope.serialize(&quote! {
        let mut fields = #message::serde::Serializer::serialize_struct(serializer, #name, 1)?;
        #message::OneOf::write(self, &mut fields)?;
        #message::serde::ser::SerializeStruct::end(fields)
    });
    quote!(#write #serialize)
}

/// A name for the slot of a variant that none of the user's is.
fn set(at: usize) -> Ident {
    format_ident!("Set{at}")
}

fn slots_of(scope: &Scope, variants: &[Variant], slots: &Ident) -> TokenStream {
    let (core, message, ty) = (&scope.core, &scope.message, scope.ty());
    let (impl_generics, ty_generics, where_clause) = scope.generics.split_for_impl();
    let sets = arms(variants, |at, variant| {
        let set = set(at);
        match &variant.payload {
            Payload::Value(ty) => {
                let slot = scope.form(ty, "Slot");
                quote!(#set(#slot),)
            }
            Payload::Fields(..) => {
                let slots = hidden(scope, variant, "Slots");
                quote!(#set(#slots #ty_generics),)
            }
        }
    });
    let unset = quote!(fn default() -> Self { Self::Unset(#core::marker::PhantomData) });
    let default = scope.implement(quote!(#core::default::Default), slots, unset);
    let methods = [
        merge(scope, variants),
        finish(scope, variants),
        schema(scope, variants),
    ];
    let read = scope.implement(
        quote!(#message::Slots),
        slots,
        quote!(type Record = #ty; #(#methods)*),
    );
    let keys = [
        places(
            variants.iter().map(|variant| &variant.key).enumerate(),
            &TokenStream::new(),
            scope,
        ),
        read_by_name(scope, variants),
    ];
    let keys = scope.implement(quote!(#message::Keys), slots, quote!(#(#keys)*));
    let alternatives = alternatives(scope, variants, slots);
    let visibility = &scope.visibility;
    quote! {
        #visibility enum #slots #impl_generics #where_clause {
            Unset(#core::marker::PhantomData<fn() -> #ty>),
            #(#sets)*
        }
        #default
        #read
        #keys
        #alternatives
    }
}

fn alternatives(scope: &Scope, variants: &[Variant], slots: &Ident) -> TokenStream {
    let (core, message) = (&scope.core, &scope.message);
    let tags = arms(variants, |_, variant| {
        let tag = variant.key.tag.number;
        quote!(#tag,)
    });
    let alternatives = quote! {
        const TAGS: &'static [#core::primitive::u32] = &[#(#tags)*];

        fn is_unset(&self) -> #core::primitive::bool {
            #core::matches!(self, Self::Unset(_))
        }
    };
    scope.implement(quote!(#message::Alternatives), slots, alternatives)
}

fn merge(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let (core, message) = (&scope.core, &scope.message);
    let arms = arms(variants, |at, variant| {
        let (set, tag, name) = (set(at), variant.key.tag.number, &variant.key.name);
        let merge = match &variant.payload {
            Payload::Value(ty) => scope.form(ty, "merge_field"),
            Payload::Fields(..) => quote!(#message::merge_slots),
        };
        quote! {
            #tag => {
                let mut slot = match #core::mem::take(self) {
                    Self::#set(slot) => slot,
                    _ => #core::default::Default::default(),
                };
                let merged = #merge(&mut slot, #name, wire, input);
                *self = Self::#set(slot);
                merged
            }
        }
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

fn finish(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let (core, message, ident, own) = (&scope.core, &scope.message, &scope.ident, scope.name());
    let names = arms(variants, |_, variant| {
        let name = &variant.key.name;
        quote!(#name,)
    });
    let arms = arms(variants, |at, variant| {
        let (set, name, variant_ident) = (set(at), &variant.key.name, &variant.ident);
        match &variant.payload {
            Payload::Value(ty) => {
                let finish = scope.form(ty, "finish_field");
                quote!(Self::#set(slot) => #ident::#variant_ident(#finish(slot, #name)?),)
            }
            Payload::Fields(..) => {
                quote!(Self::#set(slot) => #message::finish_slots(slot, #name)?,)
            }
        }
    });
    quote! {
        fn finish(self) -> #core::result::Result<Self::Record, #message::Fault> {
            #core::result::Result::Ok(match self {
                Self::Unset(_) => return #core::result::Result::Err(#message::unset(#own, &[#(#names)*])),
                #(#arms)*
            })
        }
    }
}

fn schema(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let (message, name) = (&scope.message, scope.full_name(""));
    let (_, ty_generics, _) = scope.generics.split_for_impl();
    let members = arms(variants, |_, variant| {
        let (name, tag) = (&variant.key.name, variant.key.tag.number);
        match &variant.payload {
            Payload::Value(ty) => {
                let member = scope.form(ty, "member");
                quote!(#member(#name, #tag),)
            }
            Payload::Fields(..) => {
                let slots = hidden(scope, variant, "Slots");
                quote!(#message::member_slots::<#slots #ty_generics>(#name, #tag),)
            }
        }
    });
    quote! {
        fn schema() -> #message::Schema {
            #message::Schema::of::<Self>(#name, #message::Shape::OneOf([#(#members)*].into()))
        }
    }
}

fn read_by_name(scope: &Scope, variants: &[Variant]) -> TokenStream {
    let (core, message) = (&scope.core, &scope.message);
    let arms = arms(variants, |at, variant| {
        let set = set(at);
        let read = match &variant.payload {
            Payload::Value(ty) => scope.single(ty, "read_variant"),
            Payload::Fields(..) => quote!(#message::read_variant_slots),
        };
        quote! {
            #at => {
                let first = #core::matches!(self, Self::Unset(_));
                if let #core::option::Option::Some(slot) = #read(map, first)? {
                    *self = Self::#set(slot);
                }
            }
        }
    });
    quote! {
        fn read<'__de, __A: #message::serde::de::MapAccess<'__de>>(
            &mut self,
            place: usize,
            map: &mut __A,
        ) -> #core::result::Result<(), __A::Error> {
            match place {
                #(#arms)*
                _ => {}
            }
            #core::result::Result::Ok(())
        }
    }
}
