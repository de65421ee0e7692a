//! `micro::proto!`: the messages and services of a proto file, as their author would have written them.
//!
//! What is written are items with `#[micro::message]` and `#[micro::service]` on them: only those know what a message or a
//! service is made of. `source` compiles the file, `scope` finds what is needed of it and where each type goes.

mod choice;
mod docs;
mod message;
mod naming;
mod scope;
mod service;
mod source;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{LitStr, Token};

use self::scope::Scope;
use self::source::Source;
use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::handler::service_name;

const INCLUDE: Key = Key::new("include", "include(\"proto\", \"third_party\")");
const NAME: Key = Key::new("name", "name = \"greeter\"");

/// What stands in the parentheses of the macro.
struct Request {
    file: LitStr,
    /// Where imports are looked for; empty means beside the file.
    include: Vec<LitStr>,
    /// What the services are called, if not as their package is.
    name: Option<String>,
}

/// Expands the macro.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    let Some(request) = Request::parse(input, &mut diag) else {
        return quote!(#diag);
    };
    let source = match Source::open(&request) {
        Ok(source) => source,
        Err(why) => {
            diag.error_at(request.file.span(), why);
            return quote!(#diag);
        }
    };
    let items = Scope::new(&source, request.name).items();
    for why in &items.refused {
        diag.error_at(request.file.span(), why);
    }
    let (written, tracked) = (items.written, source.tracked());
    match diag.is_clean() {
        true => quote!(#written #tracked),
        // What is written may name what was refused, and would be a second message.
        false => quote!(#diag #tracked),
    }
}

impl Request {
    fn parse(input: TokenStream, diag: &mut Diag) -> Option<Self> {
        let mut tokens = input.into_iter();
        let first = tokens.next();
        let place = first.as_ref().map_or(Span::call_site(), TokenTree::span);
        let file = syn::parse2::<LitStr>(first.into_iter().collect());
        let Ok(file) = file else {
            diag.error_at(
                place,
                "name a proto file: `proto!(\"proto/greeter.proto\")`",
            );
            return None;
        };
        match tokens.next() {
            Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => {}
            None => {}
            Some(other) => {
                diag.error(other, "expected `,` behind the name of the file");
                return None;
            }
        }
        let mut args = Args::parse("proto", tokens.collect(), diag);
        let include = args.list(INCLUDE, diag).map(|list| {
            let texts = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(list.value);
            diag.ok(texts).unwrap_or_default().into_iter().collect()
        });
        let name = service_name(&mut args, NAME, diag).map(|name| name.value);
        args.finish(diag);
        diag.is_clean().then_some(Self {
            file,
            include: include.unwrap_or_default(),
            name,
        })
    }
}
