//! What a message is, once it is read: names, numbers and types, and no more of the syntax.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens as _;
use syn::{Attribute, Generics, Type, Visibility};

use crate::paths;

/// A struct or enum to be sent.
pub(super) struct Model {
    pub(super) visibility: Visibility,
    pub(super) ident: Ident,
    pub(super) generics: Generics,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    /// A struct: a message.
    Record(Vec<Field>),
    /// An enum whose variants have fields: a message with a oneof.
    OneOf(Vec<Variant>),
    /// An enum whose variants have none: an enum.
    Choice(Vec<Alternative>),
    /// Something is wrong, which was said: it has no fields, and no value is ever read.
    Broken,
}

/// A field of a message.
pub(super) struct Field {
    pub(super) ident: Ident,
    pub(super) ty: Typed,
    pub(super) key: Keys,
    /// True if its value is one of several fields of the message.
    pub(super) is_one_of: bool,
}

/// A variant of a oneof.
pub(super) struct Variant {
    pub(super) ident: Ident,
    pub(super) payload: Payload,
    pub(super) key: Keys,
    /// Where `#[default]` stands.
    pub(super) default: Option<Span>,
}

/// What a variant holds.
pub(super) enum Payload {
    /// One value without a name.
    Value(Box<Typed>),
    /// Named fields, or none.
    Fields(Vec<Field>, Braces),
}

/// How a variant's fields are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Braces {
    Braces,
    None,
}

/// The type of a field.
pub(super) struct Typed {
    /// As it was written.
    pub(super) ty: Type,
    /// The same without `Self`, which means something else in what is generated.
    pub(super) resolved: TokenStream,
    /// Another name for it.
    pub(super) alias: Ident,
    pub(super) coding: Coding,
}

/// How the numbers of a field are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    #[default]
    Usual,
    /// Zigzag.
    Sint,
    /// Of a fixed length.
    Fixed,
}

/// How a field or variant is found in a message.
pub(super) struct Keys {
    pub(super) tag: Tag,
    /// As it is written.
    pub(super) name: String,
    /// The other spelling that is read.
    pub(super) camel: String,
    /// Under which conditions it exists.
    pub(super) cfg: Vec<Attribute>,
}

/// A number on the wire.
#[derive(Clone, Copy)]
pub(super) struct Tag {
    pub(super) number: u32,
    /// Where it was written, if it was.
    pub(super) written: Option<Span>,
}

/// A variant without fields.
pub(super) struct Alternative {
    pub(super) ident: Ident,
    pub(super) cfg: Vec<Attribute>,
    pub(super) role: Role,
}

/// What a variant without fields stands for.
pub(super) enum Role {
    /// A number, where that was written, and the name in a proto file.
    Number {
        number: i32,
        written: Option<Span>,
        name: String,
        default: Option<Span>,
    },
    /// All numbers that have no variant.
    Unknown {
        /// Where `#[default]` stands, which is a mistake.
        default: Option<Span>,
    },
}

impl Model {
    /// Makes it a stand-in.
    pub(super) fn empty(&mut self) {
        self.shape = Shape::Broken;
    }

    /// The types of all fields, and under which conditions they exist.
    pub(super) fn types(&self) -> Vec<(Vec<&Keys>, &Typed)> {
        match &self.shape {
            Shape::Record(fields) => fields
                .iter()
                .map(|field| (vec![&field.key], &field.ty))
                .collect(),
            Shape::OneOf(variants) => variants
                .iter()
                .flat_map(|variant| {
                    let types = variant.payload.types();
                    types.map(|(key, ty)| (std::iter::once(&variant.key).chain(key).collect(), ty))
                })
                .collect(),
            Shape::Choice(_) | Shape::Broken => Vec::new(),
        }
    }
}

impl Typed {
    /// Where its first token is, as a place to blame.
    pub(super) fn at(&self) -> Span {
        let first = self.ty.to_token_stream().into_iter().next();
        paths::at(first.map_or_else(Span::call_site, |token| token.span()))
    }
}

impl Payload {
    /// The types in it, and what is known of the fields that have them.
    pub(super) fn types(&self) -> impl Iterator<Item = (Option<&Keys>, &Typed)> {
        let (value, fields): (_, &[Field]) = match self {
            Self::Value(ty) => (Some((None, &**ty)), &[]),
            Self::Fields(fields, _) => (None, fields),
        };
        value
            .into_iter()
            .chain(fields.iter().map(|field| (Some(&field.key), &field.ty)))
    }
}
