//! What a message may not be, each rule a function.

use std::collections::HashMap;

use proc_macro2::{Ident, Span};
use syn::{GenericArgument, GenericParam, PathArguments, Type};

use super::model::{Alternative, Field, Keys, Model, Payload, Role, Shape, Variant};
use crate::diag::Diag;

pub(super) fn check(model: &Model, diag: &mut Diag) {
    lifetimes(model, diag);
    match &model.shape {
        Shape::Record(fields) => {
            let own = fields.iter().filter(|field| !field.is_one_of);
            keys(own.map(|field| (&field.ident, &field.key)), diag);
            tags_beside_one_ofs(fields, diag);
            ends(&model.ident, fields.iter().map(|field| &field.ty.ty), diag);
        }
        Shape::OneOf(variants) => one_of(model, variants, diag),
        Shape::Choice(alternatives) => choice(model, alternatives, diag),
        Shape::Broken => {}
    }
}

fn lifetimes(model: &Model, diag: &mut Diag) {
    for param in &model.generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            diag.error(
                lifetime,
                "a message owns what it holds: write `String` in place of `&str`",
            );
        }
    }
}

/// Tags and names are each taken once.
fn keys<'a>(keys: impl Iterator<Item = (&'a Ident, &'a Keys)>, diag: &mut Diag) {
    let mut tags: HashMap<u32, &Ident> = HashMap::new();
    let mut names: HashMap<&str, &Ident> = HashMap::new();
    let mut largest = 0;
    for (ident, keys) in keys {
        let number = keys.tag.number;
        match tags.insert(number, ident) {
            // 0 was refused where it was read.
            Some(earlier) if number != 0 => {
                let free = largest.max(number) + 1;
                let span = keys.tag.written.unwrap_or(ident.span());
                diag.error_at(span, format!("tag {number} is that of `{earlier}`: write another, such as `#[tag = {free}]`"));
            }
            _ => largest = largest.max(number),
        }
        if let Some(earlier) = names.insert(&keys.camel, ident) {
            let message = format!(
                "`{ident}` and `{earlier}` have one name in JSON, `{}`: rename one",
                keys.camel
            );
            diag.error(ident, message);
        }
    }
}

/// Nobody can count on from a oneof: its tags are not known here.
fn tags_beside_one_ofs(fields: &[Field], diag: &mut Diag) {
    if !fields.iter().any(|field| field.is_one_of) {
        return;
    }
    let counted = |field: &&Field| !field.is_one_of && field.key.tag.written.is_none();
    for field in fields.iter().filter(counted) {
        let name = &field.ident;
        diag.error(
            name,
            format!(
                "a field beside a oneof has a tag of its own: write `#[tag = n]` above `{name}`"
            ),
        );
    }
}

/// A value that always holds one of its own kind would have no end.
fn ends<'a>(own: &Ident, types: impl Iterator<Item = &'a Type>, diag: &mut Diag) {
    for ty in types {
        if boxes(ty, own) {
            let name = shown(ty);
            diag.error(ty, format!("this has no end: write `Option<{name}>`"));
        }
    }
}

/// True for `Box<Self>`, by either name.
fn boxes(ty: &Type, own: &Ident) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let Some(last) = path.path.segments.last() else {
        return false;
    };
    let PathArguments::AngleBracketed(args) = &last.arguments else {
        return false;
    };
    last.ident == "Box"
        && args.args.iter().any(|arg| matches!(arg, GenericArgument::Type(inner) if is_own(inner, own) || boxes(inner, own)))
}

fn is_own(ty: &Type, own: &Ident) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    let named = path.path.segments.len() == 1
        && path
            .path
            .segments
            .iter()
            .any(|segment| segment.ident == "Self" || segment.ident == *own);
    path.qself.is_none() && named
}

/// A type as it was written, without the spaces between its tokens.
fn shown(ty: &Type) -> String {
    quote::ToTokens::to_token_stream(ty)
        .to_string()
        .replace(" < ", "<")
        .replace(" >", ">")
}

fn one_of(model: &Model, variants: &[Variant], diag: &mut Diag) {
    keys(
        variants
            .iter()
            .map(|variant| (&variant.ident, &variant.key)),
        diag,
    );
    for variant in variants {
        if let Payload::Fields(fields, _) = &variant.payload {
            keys(
                fields
                    .iter()
                    .map(|field: &Field| (&field.ident, &field.key)),
                diag,
            );
            ends(
                &model.ident,
                variant.payload.types().map(|(_, typed)| &typed.ty),
                diag,
            );
        }
    }
    one_default(variants.iter().filter_map(|variant| variant.default), diag);
    if default_of(model, variants).is_none() {
        let marked = variants.iter().find_map(|variant| variant.default);
        let message = "this default has no end: mark a variant that does not hold the enum itself with `#[default]`";
        diag.error_at(marked.unwrap_or(model.ident.span()), message);
    }
}

/// The variant that the default is made of: the one that is marked, or the first that ends.
pub(super) fn default_of<'a>(model: &Model, variants: &'a [Variant]) -> Option<&'a Variant> {
    let ends = |variant: &&Variant| {
        !variant
            .payload
            .types()
            .any(|(_, typed)| boxes(&typed.ty, &model.ident))
    };
    let marked = variants.iter().find(|variant| variant.default.is_some());
    match marked {
        Some(variant) => Some(variant).filter(ends),
        None => variants.iter().find(ends),
    }
}

fn one_default(mut defaults: impl Iterator<Item = Span>, diag: &mut Diag) {
    defaults.next();
    for second in defaults {
        diag.error_at(second, "there is one default: leave this out");
    }
}

fn choice(model: &Model, alternatives: &[Alternative], diag: &mut Diag) {
    let mut numbers: HashMap<i32, &Ident> = HashMap::new();
    let mut names: HashMap<&str, &Ident> = HashMap::new();
    let mut unknown = None;
    for alternative in alternatives {
        let ident = &alternative.ident;
        match &alternative.role {
            Role::Unknown { .. } => {
                if unknown.replace(ident).is_some() {
                    diag.error(
                        ident,
                        "one variant keeps unknown numbers: leave the second one out",
                    );
                }
            }
            Role::Number {
                number,
                written,
                name,
                ..
            } => {
                if let Some(earlier) = numbers.insert(*number, ident) {
                    let span = written.unwrap_or(ident.span());
                    diag.error_at(
                        span,
                        format!("the number {number} is that of `{earlier}`: write another one"),
                    );
                }
                if let Some(earlier) = names.insert(name, ident) {
                    diag.error(ident, format!("`{ident}` and `{earlier}` have one name in protobuf, `{name}`: rename one"));
                }
            }
        }
    }
    default_alternative(model, alternatives, diag);
}

/// An absent field reads as 0, so the default is the variant of that number.
fn default_alternative(model: &Model, alternatives: &[Alternative], diag: &mut Diag) {
    let marked = alternatives
        .iter()
        .filter_map(|alternative| match &alternative.role {
            Role::Number {
                number,
                default: Some(span),
                ..
            } => Some((&alternative.ident, *number, *span)),
            _ => None,
        });
    one_default(marked.clone().map(|(_, _, span)| span), diag);
    let first = alternatives
        .iter()
        .find(|alternative| !matches!(alternative.role, Role::Unknown { .. }));
    let misplaced = alternatives
        .iter()
        .find_map(|alternative| match alternative.role {
            Role::Unknown { default } => default,
            Role::Number { .. } => None,
        });
    if let Some(span) = misplaced {
        diag.error_at(span, "the default has the number 0: mark another variant");
        return;
    }
    match (marked.clone().next(), first) {
        (Some((_, 0, _)), _) => {}
        (Some((ident, number, span)), _) => diag.error_at(
            span,
            format!("the default has the number 0, and `{ident}` has {number}: write it first"),
        ),
        (None, Some(first)) => diag.error(
            &model.ident,
            format!(
                "an absent field is the default: mark a variant with `#[default]`, such as `{}`",
                first.ident
            ),
        ),
        (None, None) => diag.error(
            &model.ident,
            "an enum has a variant at least, marked with `#[default]`",
        ),
    }
}
