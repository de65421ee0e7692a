//! The return type of a signature: a result of one message, or of a stream of results.

use quote::{quote, quote_spanned};
use syn::{ReturnType, Signature, Type, TypeImplTrait};

use super::arguments::check_owned;
use super::{Expected, Payload, Role, types};
use crate::diag::Diag;
use crate::paths;

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
            return None;
        }
    };
    if expected.role == Role::Subscriber {
        return acknowledgement(ty, diag);
    }
    if let Some(impl_trait) = types::as_impl_trait(ty) {
        let form = "micro::Result<impl Stream<Item = micro::Result<…>>>";
        diag.error(
            impl_trait.impl_token,
            format!("the opening of a stream may fail: write `{form}`"),
        );
        return None;
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
    if let Some(value) = written {
        check_owned(value, diag)?;
    }
    let value = types::ok_of(ty);
    let span = types::span(written.unwrap_or(ty));
    if !expected.streams {
        return Some(Payload {
            message: value,
            span,
            streams: false,
        });
    }
    let private = paths::private_at(span);
    let message = quote_spanned!(paths::at(span)=> <<#value as #private::Stream>::Item as #private::Outcome>::Value);
    Some(Payload {
        message,
        span,
        streams: true,
    })
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
                message: types::ok_of(item),
                span: types::span(item),
                streams: true,
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
    Some(Payload {
        message: quote!(()),
        span: types::span(ty),
        streams: false,
    })
}

fn is_unit(ty: &Type) -> bool {
    matches!(types::peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}
