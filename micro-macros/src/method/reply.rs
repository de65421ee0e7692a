//! The return type of a signature: a result of one message, or of a stream of results.

use proc_macro2::Span;
use quote::{quote, quote_spanned};
use syn::{ReturnType, Signature, Type, TypeImplTrait};

use super::arguments::owned;
use super::{Expected, Payload, Role, types};
use crate::diag::Diag;
use crate::{paths, rewrite};

pub(super) fn read(signature: &Signature, expected: Expected, diag: &mut Diag) -> Option<Payload> {
    let ty = match &signature.output {
        ReturnType::Type(_, ty) => &**ty,
        ReturnType::Default => {
            let message = format!(
                "a {} returns a result: write `-> {}`",
                expected.role,
                form(expected)
            );
            diag.error(&signature.ident, message);
            return Some(nothing(signature.ident.span()));
        }
    };
    if expected.role == Role::Subscriber {
        return acknowledgement(ty, diag);
    }
    if let Some(impl_trait) = types::as_impl_trait(ty) {
        if let Some(Some(_)) = types::stream_item(impl_trait) {
            let form = "micro::Result<impl Stream<Item = micro::Result<…>>>";
            let message = format!("the opening of a stream may fail: write `{form}`");
            diag.error(impl_trait.impl_token, message);
        }
        return stream(impl_trait, diag);
    }
    if types::is_plain(ty) {
        diag.error(
            ty,
            format!("a handler returns a result: write `{}`", form(expected)),
        );
        return None;
    }
    let written = types::result_value(ty);
    if let Some(impl_trait) = types::first_type(ty).and_then(types::as_impl_trait) {
        return stream(impl_trait, diag);
    }
    let mut opened = outcome(ty);
    if let Some(value) = written {
        let value = owned(value, diag)?;
        opened.message = quote!(#value);
    }
    if !expected.streams {
        return Some(opened);
    }
    let (span, here) = (opened.span, paths::own(opened.span));
    let (private, stream) = (
        paths::private_at(here),
        rewrite::respan(opened.message, here),
    );
    let message =
        quote_spanned!(here=> <<#stream as #private::Stream>::Item as #private::Outcome>::Value);
    Some(Payload {
        message,
        span,
        streams: true,
        hidden: true,
    })
}

/// What a result holds: as it is written, or as the compiler finds it behind an alias.
fn outcome(ty: &Type) -> Payload {
    let value = types::result_value(ty);
    let span = types::span(value.unwrap_or(ty));
    let message = match value {
        Some(value) => quote!(#value),
        None => {
            // With one place for all its tokens, what is missed in several places is missed once.
            let here = paths::own(span);
            let (private, ty) = (paths::private_at(here), rewrite::respan(quote!(#ty), here));
            quote_spanned!(here=> <#ty as #private::Outcome>::Value)
        }
    };
    Payload {
        message,
        span,
        streams: false,
        hidden: value.is_none(),
    }
}

fn form(expected: Expected) -> &'static str {
    match expected.role {
        Role::Subscriber => "micro::Result<()>",
        _ => "micro::Result<HelloResponse>",
    }
}

fn stream(impl_trait: &TypeImplTrait, diag: &mut Diag) -> Option<Payload> {
    let form = "impl Stream<Item = micro::Result<…>>";
    match types::stream_item(impl_trait) {
        Some(Some(item)) => {
            if types::is_plain(item) || types::as_impl_trait(item).is_some() {
                diag.error(
                    item,
                    format!("each item of a stream may fail: write `{form}`"),
                );
                return None;
            }
            Some(Payload {
                streams: true,
                ..outcome(item)
            })
        }
        Some(None) => {
            diag.error(impl_trait, format!("say what the stream yields: `{form}`"));
            None
        }
        None => {
            diag.error(
                impl_trait,
                format!("a reply is one type that is written out, or a stream: `{form}`"),
            );
            None
        }
    }
}

/// A subscriber's result, which carries nothing.
fn acknowledgement(ty: &Type, diag: &mut Diag) -> Option<Payload> {
    let wrong = match types::peel(ty) {
        Type::Path(_) => types::result_value(ty).filter(|value| !is_unit(value)),
        other => Some(other),
    };
    if let Some(wrong) = wrong {
        diag.error(
            wrong,
            "nobody waits for what a subscriber returns: write `micro::Result<()>`",
        );
        return None;
    }
    Some(nothing(types::span(ty)))
}

fn nothing(span: Span) -> Payload {
    Payload {
        message: quote!(()),
        span,
        streams: false,
        hidden: false,
    }
}

fn is_unit(ty: &Type) -> bool {
    matches!(types::peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}
