//! The variants of an enum without fields, from the item to the model.

use proc_macro2::Span;
use syn::Type;
use syn::spanned::Spanned as _;

use super::model::{Alternative, Role};
use super::own::{Own, cfg, check_name, literal};
use crate::diag::Diag;
use crate::names::{plain, words};

pub(super) fn alternatives(item: &mut syn::ItemEnum, diag: &mut Diag) -> Vec<Alternative> {
    let mut next = Some(0);
    let mut read = Vec::new();
    for variant in &mut item.variants {
        let own = Own::take(&mut variant.attrs, diag);
        own.refuse_one_of(diag);
        own.refuse_coding(diag);
        let role = if own.unknown.is_some() {
            unknown(variant, &own, diag);
            Role::Unknown {
                default: own.default,
            }
        } else {
            let written = number(variant, own.tag.as_ref(), diag);
            let Some(number) = written.map(|(number, _)| number).or(next) else {
                let message = "the number before is the largest: write `= n`";
                diag.error(&variant.ident, message);
                continue;
            };
            next = number.checked_add(1);
            let name = match &own.name {
                Some((name, span)) => {
                    check_name(name, *span, diag);
                    name.clone()
                }
                None => {
                    let name = plain(&variant.ident);
                    check_name(&name, variant.ident.span(), diag);
                    words(&name, '_').to_uppercase()
                }
            };
            Role::Number {
                number,
                written: written.map(|(_, span)| span),
                name,
                default: own.default,
            }
        };
        read.push(Alternative {
            ident: variant.ident.clone(),
            cfg: cfg(&variant.attrs),
            role,
        });
    }
    if read
        .iter()
        .any(|alternative| matches!(alternative.role, Role::Unknown { .. }))
    {
        // Rust takes `= n` beside a variant that holds something only with a `repr`.
        for variant in &mut item.variants {
            variant.discriminant = None;
        }
    }
    read
}

fn unknown(variant: &syn::Variant, own: &Own, diag: &mut Diag) {
    let name = &variant.ident;
    let holds_a_number = matches!(&variant.fields, syn::Fields::Unnamed(fields)
        if fields.unnamed.len() == 1 && is_i32(&fields.unnamed[0].ty));
    if !holds_a_number {
        diag.error(
            name,
            format!("the variant that keeps unknown numbers holds one: write `{name}(i32)`"),
        );
    }
    for condition in cfg(&variant.attrs) {
        diag.error(
            condition.path(),
            "the variant that keeps unknown numbers is always there: leave `#[cfg]` out",
        );
    }
    if let Some((_, span)) = own.tag {
        diag.error_at(
            span,
            "this variant has all numbers that the others have not: leave the tag out",
        );
    }
}

fn is_i32(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("i32"))
}

/// The number that is written at a variant without fields, as `#[tag = n]` or `= n`.
fn number(
    variant: &syn::Variant,
    tag: Option<&(i64, Span)>,
    diag: &mut Diag,
) -> Option<(i32, Span)> {
    let discriminant = variant.discriminant.as_ref().and_then(|(_, expr)| {
        let number = literal(expr);
        if number.is_none() {
            diag.error(expr, "the number of a variant is written out: `= 3`");
        }
        number.map(|number| (number, expr.span()))
    });
    if let (Some((_, span)), Some(_)) = (tag, discriminant) {
        diag.error_at(
            *span,
            "the number is written twice: leave out the tag or the `= n`",
        );
    }
    let (number, span) = discriminant.or(tag.copied())?;
    match i32::try_from(number) {
        Ok(number) => Some((number, span)),
        Err(_) => {
            diag.error_at(span, "the number of a variant has 32 bits");
            None
        }
    }
}
