//! The service of an `impl` block: the block as it was, what serves it, and its client.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::{Generics as Parameters, Token, Type};

use super::client::{self, Client, Local};
use super::generics::Generics;
use super::{Block, Settings};
use crate::args::Args;
use crate::diag::Diag;
use crate::item::Item;
use crate::method::types;
use crate::paths;

/// What stands before the braces.
struct Head {
    generics: Parameters,
    subject: Type,
    /// The trait of `impl Trait for Type`.
    of: Option<Type>,
}

pub(super) fn expand(args: Args, mut item: Item, mut diag: Diag) -> TokenStream {
    let head = item.parse_head(parse_head);
    let Some(head) = diag.ok(head) else {
        return quote!(#diag #item);
    };
    let Some(name) = check(&head, &mut diag) else {
        return quote!(#diag #item);
    };
    let settings = Settings::read(args, &name, &mut diag);
    let block = Block::read(
        &mut item,
        name,
        Generics::new(&head.generics),
        settings,
        |_| {},
        &mut diag,
    );
    let handle = emit_handle(&block, &head.subject, diag.is_clean());
    let client = emit_client(&block, &head.subject);
    quote!(#item #diag #handle #client)
}

fn parse_head(input: ParseStream<'_>) -> syn::Result<Head> {
    input.parse::<Option<Token![unsafe]>>()?;
    input.parse::<Token![impl]>()?;
    let mut generics: Parameters = input.parse()?;
    let first: Type = input.parse()?;
    let (of, subject) = match input.parse::<Option<Token![for]>>()? {
        Some(_) => (Some(first), input.parse()?),
        None => (None, first),
    };
    generics.where_clause = input.parse()?;
    Ok(Head {
        generics,
        subject,
        of,
    })
}

/// The name of the type.
fn check(head: &Head, diag: &mut Diag) -> Option<Ident> {
    if let Some(of) = &head.of {
        diag.error(of, "a service is an `impl` block without a trait, or the trait itself: put the attribute there");
        return None;
    }
    let name = types::name(&head.subject).cloned();
    if name.is_none() {
        diag.error(
            &head.subject,
            "a service is a type with a name: `impl Greeter`",
        );
    }
    name
}

fn emit_handle(block: &Block, subject: &Type, is_clean: bool) -> TokenStream {
    let private = paths::private();
    let here = paths::at(block.name.span());
    let parameters = block.generics.parameters();
    let shared = quote_spanned!(here=> Self: ::core::marker::Send + ::core::marker::Sync + 'static);
    let clause = block.generics.clause(is_clean.then_some(shared));
    let body = match is_clean {
        true => {
            let definition = block.definition(&quote!(Self));
            quote! {
                let this = #private::Arc::new(self);
                #definition
            }
        }
        false => block.empty_definition(),
    };
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_variables)]
        impl #parameters #private::Handle for #subject #clause {
            fn definition(self) -> #private::Definition {
                #body
            }
        }
    }
}

fn emit_client(block: &Block, subject: &Type) -> TokenStream {
    let private = paths::private();
    let subject_tokens = quote!(#subject);
    let resolve = |tokens| client::without_self(tokens, &subject_tokens);
    let (inner, outer) = block.generics.split(&resolve(block.messages()));
    let shared = quote!(#subject: ::core::marker::Send + ::core::marker::Sync + 'static);
    let local = Local {
        parameters: outer.parameters(),
        clause: outer.clause(Some(shared)),
        subject: subject_tokens.clone(),
        definition: quote!(#private::Handle::definition(implementation)),
    };
    let visibility = quote!(pub);
    let methods = block
        .handlers
        .iter()
        .map(|handler| resolve(client::method(handler)))
        .collect();
    Client {
        block,
        visibility,
        generics: inner,
        local,
        methods,
    }
    .emit()
}
