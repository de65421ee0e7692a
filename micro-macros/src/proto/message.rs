//! Messages as structs, and their oneofs as enums.

use std::collections::HashSet;

use proc_macro2::{Ident, TokenStream};
use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use quote::quote;

use super::docs;
use super::naming::{ident, snake, type_name, variant};
use super::scope::{Named, Scope, allowed};
use crate::message::lower_camel;
use crate::names::{plain, words};
use crate::paths;

/// What stands where a field does: one, or those of a oneof.
enum Member {
    Field(FieldDescriptor),
    OneOf(OneofDescriptor),
}

/// The struct of a message, which goes into a module `depth` modules deep; the comment goes before it.
pub(super) fn message(scope: &mut Scope, message: &MessageDescriptor, depth: usize) -> TokenStream {
    let (micro, allowed, name) = (paths::micro(), allowed(), type_name(message.name()));
    let members: Vec<TokenStream> = members(message)
        .into_iter()
        .map(|member| match member {
            Member::Field(own) => field(scope, message, &own, depth),
            Member::OneOf(own) => one_of(scope, message, &own, depth),
        })
        .collect();
    quote! {
        #[#micro::message]
        #allowed
        pub struct #name {
            #(#members)*
        }
    }
}

/// In the order of their numbers, as other writers of protobuf write them; a oneof at its lowest.
fn members(message: &MessageDescriptor) -> Vec<Member> {
    let mut fields: Vec<FieldDescriptor> = message.fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    let mut seen = HashSet::new();
    let member = |field: FieldDescriptor| match written_one_of(&field) {
        Some(one_of) => seen
            .insert(one_of.name().to_owned())
            .then_some(Member::OneOf(one_of)),
        None => Some(Member::Field(field)),
    };
    fields.into_iter().filter_map(member).collect()
}

/// The oneof of a field, but for the one that `optional` makes.
fn written_one_of(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field.containing_oneof().filter(|own| !own.is_synthetic())
}

fn field(
    scope: &mut Scope,
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    depth: usize,
) -> TokenStream {
    let kind = field.kind();
    let (ty, coding) = if field.is_map() {
        (map(scope, field, depth), None)
    } else {
        let value = value(scope, field, depth);
        let value = match is_recursive(field, message) {
            true => quote!(::std::boxed::Box<#value>),
            false => value,
        };
        let ty = match (field.is_list(), field.supports_presence()) {
            (true, _) => quote!(::std::vec::Vec<#value>),
            (false, true) => quote!(::core::option::Option<#value>),
            (false, false) => value,
        };
        (ty, coding(&kind))
    };
    let (docs, name) = (
        docs::of(&message.parent_file(), field.path()),
        wire_name(field),
    );
    let own = ident(&snake(field.name()));
    let key = (plain(&own) != name).then(|| quote!(#[micro(name = #name)]));
    let (coding, number) = (coding.map(|coding| quote!(#[micro(#coding)])), tag(field));
    quote!(#docs #number #key #coding pub #own: #ty,)
}

/// The field of a oneof; its enum goes into the module of the message.
fn one_of(
    scope: &mut Scope,
    message: &MessageDescriptor,
    one_of: &OneofDescriptor,
    depth: usize,
) -> TokenStream {
    let (micro, allowed) = (paths::micro(), allowed());
    let mut name = type_name(one_of.name()).to_string();
    let is_taken = |name: &str| {
        let messages = message.child_messages().map(|own| type_name(own.name()));
        let enums = message.child_enums().map(|own| type_name(own.name()));
        messages.chain(enums).any(|own| own == name)
    };
    while is_taken(&name) {
        name.push_str("OneOf");
    }
    let name = ident(&name);
    let variants: Vec<TokenStream> = one_of
        .fields()
        .map(|own| alternative(scope, message, &own, depth + 1))
        .collect();
    let docs = docs::of(&message.parent_file(), one_of.path());
    let module = scope.within(
        message,
        quote! {
            #docs
            #[#micro::message]
            #allowed
            pub enum #name {
                #(#variants)*
            }
        },
    );
    let wire = one_of.name();
    let own = ident(&snake(wire));
    let key = (plain(&own) != wire).then(|| quote!(#[micro(name = #wire)]));
    quote!(#docs #[micro(oneof)] #key pub #own: ::core::option::Option<self::#module::#name>,)
}

fn alternative(
    scope: &mut Scope,
    message: &MessageDescriptor,
    field: &FieldDescriptor,
    depth: usize,
) -> TokenStream {
    let value = value(scope, field, depth);
    let value = match is_recursive(field, message) {
        true => quote!(::std::boxed::Box<#value>),
        false => value,
    };
    let (docs, name) = (
        docs::of(&message.parent_file(), field.path()),
        wire_name(field),
    );
    let own = variant(field.name());
    let key = (words(&plain(&own), '_') != name).then(|| quote!(#[micro(name = #name)]));
    let coding = coding(&field.kind()).map(|coding| quote!(#[micro(#coding)]));
    let number = tag(field);
    quote!(#docs #number #key #coding #own(#value),)
}

fn tag(field: &FieldDescriptor) -> TokenStream {
    let number = proc_macro2::Literal::u32_unsuffixed(field.number());
    quote!(#[tag = #number])
}

/// What the field is called in JSON: its own name, unless the file says another one.
fn wire_name(field: &FieldDescriptor) -> String {
    let json = field.json_name();
    match json == lower_camel(field.name()) {
        true => field.name().to_owned(),
        false => json.to_owned(),
    }
}

fn map(scope: &mut Scope, field: &FieldDescriptor, depth: usize) -> TokenStream {
    let kind = field.kind();
    let Some(entry) = kind.as_message() else {
        return TokenStream::new();
    };
    let both = [entry.map_entry_key_field(), entry.map_entry_value_field()];
    if both.iter().any(|own| coding(&own.kind()).is_some()) {
        scope.refuse(format!(
            "{} is a map with numbers that are zigzag or of a fixed length, which is not supported: \
             write `int32`, `int64`, `uint32` or `uint64`",
            said(field)
        ));
    }
    let [key, value] = both.map(|own| value(scope, &own, depth));
    quote!(::std::collections::HashMap<#key, #value>)
}

/// The type of one value of a field.
fn value(scope: &mut Scope, field: &FieldDescriptor, depth: usize) -> TokenStream {
    match field.kind() {
        Kind::Double => quote!(f64),
        Kind::Float => quote!(f32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => quote!(i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => quote!(i64),
        Kind::Uint32 | Kind::Fixed32 => quote!(u32),
        Kind::Uint64 | Kind::Fixed64 => quote!(u64),
        Kind::Bool => quote!(bool),
        Kind::String => quote!(::std::string::String),
        Kind::Bytes => quote!(::std::vec::Vec<u8>),
        Kind::Message(own) => scope.path(Named::Message(own), depth, &said(field)),
        Kind::Enum(own) => scope.path(Named::Enum(own), depth, &said(field)),
    }
}

/// The field as messages name it: behind its file.
fn said(field: &FieldDescriptor) -> String {
    let file = field.parent_message().parent_file();
    format!("{}: `{}`", file.name(), field.full_name())
}

/// How the numbers of the field are written, if not in the usual way.
fn coding(kind: &Kind) -> Option<Ident> {
    match kind {
        Kind::Sint32 | Kind::Sint64 => Some(ident("sint")),
        Kind::Fixed32 | Kind::Fixed64 | Kind::Sfixed32 | Kind::Sfixed64 => Some(ident("fixed")),
        _ => None,
    }
}

/// True if a value of the field would hold one of the message in place, and so have no size.
fn is_recursive(field: &FieldDescriptor, message: &MessageDescriptor) -> bool {
    let mut seen = HashSet::new();
    let mut waiting = vec![field.clone()];
    while let Some(field) = waiting.pop() {
        if field.is_list() || field.is_map() {
            continue;
        }
        if let Some(held) = field.kind().as_message() {
            if held == message {
                return true;
            }
            if seen.insert(held.full_name().to_owned()) {
                waiting.extend(held.fields());
            }
        }
    }
    false
}
