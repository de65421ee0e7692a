//! The arguments of a signature: `&self`, perhaps `&Context`, and what travels.

use proc_macro2::{Ident, Span};
use quote::quote;
use syn::{FnArg, Pat, PatType, Receiver, ReceiverKind, Signature, Type};

use super::{Argument, Expected, Payload, Role, types};
use crate::diag::Diag;

/// Whether a context comes first, and the argument that travels.
pub(super) fn read(
    signature: &Signature,
    expected: Expected,
    diag: &mut Diag,
) -> Option<(bool, Argument)> {
    if signature.inputs.is_empty() && expected.method {
        let message = format!(
            "a {} in a block takes `&self` and what it is sent: write `{}`",
            expected.role,
            form(expected)
        );
        diag.error_at(signature.paren_token.span.join(), message);
        return None;
    }
    check_receiver(signature, expected, diag);
    let typed: Vec<&PatType> = signature.inputs.iter().filter_map(as_typed).collect();
    match typed.as_slice() {
        [] => {
            diag.error_at(signature.paren_token.span.join(), missing(expected));
            None
        }
        [context] if types::is_context(&context.ty) => {
            diag.error(context, missing(expected));
            None
        }
        [argument] => Some((false, payload(argument, expected, diag)?)),
        [first, second, rest @ ..] => {
            for argument in rest {
                diag.error(
                    argument,
                    "one argument travels: put what belongs together into one message",
                );
            }
            match (types::is_context(&first.ty), types::is_context(&second.ty)) {
                (true, false) => Some((true, payload(second, expected, diag)?)),
                (true, true) => {
                    diag.error(second, missing(expected));
                    None
                }
                (false, true) => {
                    diag.error(second, "the context comes before the request");
                    Some((true, payload(first, expected, diag)?))
                }
                (false, false)
                    if types::is_named(&first.ty, "Context")
                        || is_reference(&first.ty, "Context") =>
                {
                    diag.error(&first.ty, "the context is borrowed: write `&Context`");
                    Some((true, payload(second, expected, diag)?))
                }
                (false, false) => {
                    let message = "one argument travels: put what belongs together into one message,\nand only a `&Context` may come before it";
                    diag.error(second, message);
                    Some((false, payload(first, expected, diag)?))
                }
            }
        }
    }
}

fn as_typed(argument: &FnArg) -> Option<&PatType> {
    match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    }
}

/// A free function has none: that was checked before its signature was read.
fn check_receiver(signature: &Signature, expected: Expected, diag: &mut Diag) {
    match (signature.receiver(), signature.inputs.first()) {
        (Some(receiver), _) => check_kind(receiver, diag),
        (None, Some(first)) if expected.method => {
            diag.error(
                first,
                format!("a {} in a block takes `&self` first", expected.role),
            );
        }
        (None, _) => {}
    }
}

fn check_kind(receiver: &Receiver, diag: &mut Diag) {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => {}
        ReceiverKind::Reference(_, _, Some(mutability)) => {
            let message =
                "calls run at the same time: write `&self`, and put what changes behind a lock";
            diag.error(mutability, message);
        }
        _ => diag.error(receiver, "all calls share the service: write `&self`"),
    }
}

fn missing(expected: Expected) -> String {
    format!(
        "a {} takes what it is sent: write `{}`",
        expected.role,
        form(expected)
    )
}

/// The arguments as they may be written.
fn form(expected: Expected) -> &'static str {
    match (expected.role, expected.method) {
        (Role::Subscriber, true) => "(&self, event: Joined)",
        (Role::Subscriber, false) => "(event: Joined)",
        (_, true) => "(&self, request: HelloRequest)",
        (_, false) => "(request: HelloRequest)",
    }
}

fn payload(argument: &PatType, expected: Expected, diag: &mut Diag) -> Option<Argument> {
    let name = match &*argument.pat {
        Pat::Ident(pattern) => pattern.ident.clone(),
        _ => Ident::new("request", Span::call_site()),
    };
    let (ty, streams) = match types::streaming_item(&argument.ty) {
        Some(item) => (item, true),
        None => (&*argument.ty, false),
    };
    if streams && expected.role == Role::Subscriber {
        diag.error(&argument.ty, "a subscriber takes one event at a time");
        return None;
    }
    let ty = owned(ty, diag)?;
    Some(Argument {
        name,
        payload: Payload {
            message: quote!(#ty),
            span: types::span(ty),
            streams,
            hidden: false,
        },
    })
}

/// The one type that is sent, which owns what it holds.
pub(super) fn owned<'a>(ty: &'a Type, diag: &mut Diag) -> Option<&'a Type> {
    match types::peel(ty) {
        Type::Reference(reference) if is_reference(ty, "str") => {
            diag.error(reference, "a message owns what it holds: write `String`");
        }
        Type::Reference(reference) => {
            diag.error(
                reference.and_token,
                "a message owns what it holds: write the type without `&`",
            );
            return Some(&reference.elem);
        }
        Type::ImplTrait(impl_trait) => diag.error(
            impl_trait.impl_token,
            "a message has one type: write it out",
        ),
        Type::Infer(infer) => diag.error(infer, "a message has one type: write it out"),
        _ => return Some(ty),
    }
    None
}

fn is_reference(ty: &Type, name: &str) -> bool {
    matches!(types::peel(ty), Type::Reference(reference) if types::is_named(&reference.elem, name))
}
