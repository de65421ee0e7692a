//! Structs: messages.

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use super::fields::Fields;
use crate::message::model::Field;

pub(super) fn record(scope: &Scope, fields: &[Field]) -> TokenStream {
    let (ident, message) = (&scope.ident, &scope.message);
    let fields = Fields::new(scope, fields);
    let slots = scope.hidden("Slots");
    let (_, ty_generics, _) = scope.generics.split_for_impl();
    let (pattern, encode, count) = (fields.pattern(), fields.encode(), fields.count());
    let record = quote! {
        type Slots = #slots #ty_generics;

        fn encode(&self, out: &mut #message::Vec<u8>) {
            let Self #pattern = self;
            #encode
        }

        fn is_absent(&self) -> bool {
            let Self #pattern = self;
            #count == 0
        }
    };
    let forms = scope.forms("Nested", "message");
    let record = scope.implement(quote!(#message::Record), ident, record);
    let slots_of = fields.slots(&slots, &quote!(#ident), &scope.full_name(""));
    let write = fields.serialize(&scope.name());
    let serialize = scope.serialize(&quote!(let Self #pattern = self; #write));
    let deserialize = scope.deserialize(&quote!(#message::deserialize::<#slots #ty_generics, __D>));
    quote!(#forms #record #slots_of #serialize #deserialize)
}

/// Stand-ins for a type with a mistake, which never run.
pub(super) fn broken(scope: &Scope) -> TokenStream {
    let (core, ident, message, ty) = (&scope.core, &scope.ident, &scope.message, scope.ty());
    let slots = scope.hidden("Slots");
    let (impl_generics, ty_generics, where_clause) = scope.generics.split_for_impl();
    let (fields, visibility) = (Fields::new(scope, &[]), &scope.visibility);
    let record = quote! {
        type Slots = #slots #ty_generics;
        fn encode(&self, out: &mut #message::Vec<u8>) {}
        fn is_absent(&self) -> bool { true }
    };
    let read = quote! {
        type Record = #ty;
        fn merge(&mut self, tag: u32, wire: #message::WireType, input: &mut #message::Input<'_>)
            -> #core::result::Result<(), #message::Fault> { input.skip(tag, wire) }
        fn finish(self) -> #core::result::Result<#ty, #message::Fault> {
            #core::result::Result::Err(#message::unset("", &[]))
        }
        fn schema() -> #message::Schema {
            #message::Schema::of::<Self>("", #message::Shape::Message([].into()))
        }
    };
    let parts = [
        scope.forms("Nested", "message"),
        scope.implement(quote!(#message::Record), ident, record),
        scope.implement(quote!(#message::Slots), &slots, read),
        scope.implement(quote!(#message::Keys), &slots, fields.keys()),
        scope.implement(
            quote!(#core::default::Default),
            &slots,
            quote!(fn default() -> Self { Self(#core::marker::PhantomData) }),
        ),
        scope.implement(
            quote!(#message::Alternatives),
            &slots,
            quote! {
                const TAGS: &'static [#core::primitive::u32] = &[];
                fn is_unset(&self) -> #core::primitive::bool { true }
            },
        ),
        scope.implement(
            quote!(#message::OneOf),
            ident,
            quote! {
                fn write<__W: #message::serde::ser::SerializeStruct>(&self, _: &mut __W)
                    -> #core::result::Result<(), __W::Error> { #core::result::Result::Ok(()) }
            },
        ),
        scope.serialize(&fields.serialize("")),
        scope.deserialize(&quote!(#message::deserialize::<#slots #ty_generics, __D>)),
    ];
    quote! {
        #visibility struct #slots #impl_generics (#core::marker::PhantomData<fn() -> #ty>) #where_clause;
        #(#parts)*
    }
}
