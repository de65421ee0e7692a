//! A signature, read as what a call takes and gives.
//!
//! Read for handlers and subscribers, in blocks and free. All that is wrong with a signature is said here.

mod arguments;
mod reply;
pub(crate) mod types;

use std::fmt;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::diag::Diag;
use crate::item::{Function, Item};
use crate::{names, rewrite};

/// What a signature is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Handler,
    Subscriber,
    Function,
}

/// What a signature must look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    pub(crate) role: Role,
    /// True if it is a member of a block, which takes `&self`.
    pub(crate) method: bool,
    /// True if the attribute says that the reply streams.
    pub(crate) streams: bool,
}

/// An annotated method or function.
#[derive(Clone, Debug)]
pub(crate) struct Method {
    pub(crate) name: Ident,
    /// True if a `&Context` comes first.
    pub(crate) context: bool,
    pub(crate) argument: Argument,
    pub(crate) reply: Payload,
    pub(crate) notes: Notes,
}

/// The name and type of the one argument that travels.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) payload: Payload,
}

/// What travels one way: one message, or a stream of them.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    /// The type of one message.
    pub(crate) message: TokenStream,
    pub(crate) span: Span,
    pub(crate) streams: bool,
    /// True if the type has another name here, behind which only the compiler can look.
    pub(crate) hidden: bool,
}

/// The attributes that generated twins of the method carry, too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// `#[cfg(…)]`.
    pub(crate) cfgs: TokenStream,
    /// `///` and what stands with it, such as `#[deprecated]`.
    pub(crate) docs: TokenStream,
    /// The first paragraph of the docs.
    pub(crate) summary: String,
}

impl fmt::Display for Role {
    /// As messages say it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handler => "handler",
            Self::Subscriber => "subscriber",
            Self::Function => "function",
        })
    }
}

impl Method {
    /// Reads the head of `item`, notes what is wrong, and returns what can be made of it all the same.
    pub(crate) fn read(item: &Item, expected: Expected, diag: &mut Diag) -> Option<Self> {
        let Function { signature, .. } = diag.ok(item.function())?;
        check_qualifiers(&signature, expected, diag);
        let arguments = arguments::read(&signature, expected, diag);
        let reply = reply::read(&signature, expected, diag);
        let (context, mut argument) = arguments?;
        let mut reply = reply?;
        for payload in [&mut argument.payload, &mut reply] {
            payload.outlive(&signature);
        }
        Some(Self {
            name: signature.ident,
            context,
            argument,
            reply,
            notes: Notes::read(item),
        })
    }

    /// What the compiler should blame where it cannot use the method: its name, or a return type that hides what it is,
    /// so that whatever is missed there is missed once.
    pub(crate) fn place(&self) -> Span {
        match self.reply.hidden {
            true => self.reply.span,
            false => self.name.span(),
        }
    }

    /// True if it may stand beside another method of the same name.
    pub(crate) fn is_conditional(&self) -> bool {
        !self.notes.cfgs.is_empty()
    }
}

impl Payload {
    /// Takes the lifetimes of the method away, which nothing that is generated beside it has.
    fn outlive(&mut self, signature: &syn::Signature) {
        let lifetimes: Vec<String> = signature
            .generics
            .lifetimes()
            .map(|parameter| parameter.lifetime.ident.to_string())
            .collect();
        self.message = rewrite::without_lifetimes(std::mem::take(&mut self.message), &lifetimes);
    }
}

impl Notes {
    fn read(item: &Item) -> Self {
        let mut notes = Self::default();
        let mut lines = Vec::new();
        for attribute in &item.attributes {
            match attribute.name() {
                "cfg" => notes.cfgs.extend(quote!(#attribute)),
                "doc" => {
                    notes.docs.extend(quote!(#attribute));
                    lines.extend(attribute.parse().ok().as_ref().and_then(doc_text));
                }
                "deprecated" => notes.docs.extend(quote!(#attribute)),
                _ => {}
            }
        }
        let first = lines
            .iter()
            .map(|line| line.trim())
            .skip_while(|line| line.is_empty());
        notes.summary = first
            .take_while(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        notes
    }
}

/// The text of a `#[doc = "…"]`.
pub(crate) fn doc_text(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(doc) = &attribute.meta else {
        return None;
    };
    match &doc.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

fn check_qualifiers(signature: &syn::Signature, expected: Expected, diag: &mut Diag) {
    let role = expected.role;
    if signature.asyncness.is_none() {
        let message = format!(
            "a {role} must be `async`: write `async fn {}`",
            names::plain(&signature.ident)
        );
        diag.error(signature.fn_token, message);
    }
    if let Some(constness) = &signature.constness {
        diag.error(constness, format!("a {role} cannot be `const`"));
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        diag.error(
            unsafety,
            format!(
                "a {role} cannot be `unsafe`: callers elsewhere cannot know what it asks of them"
            ),
        );
    }
    if let Some(abi) = &signature.abi {
        diag.error(abi, format!("a {role} cannot be `extern`"));
    }
    for parameter in &signature.generics.params {
        match parameter {
            syn::GenericParam::Lifetime(_) => {}
            other => diag.error(
                other,
                format!("a {role} cannot be generic: what travels has one type"),
            ),
        }
    }
}
