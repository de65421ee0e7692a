//! The service of an `impl` block: the block as it was, what serves it, and its client.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::parse::ParseStream;
use syn::{Generics as Parameters, Token, Type};

use super::client::{self, Client, Local};
use super::generics::Generics;
use super::{Block, Settings, messages, take_attributes};
use crate::args::Args;
use crate::diag::Diag;
use crate::handler::Handler;
use crate::item::Item;
use crate::method::types;
use crate::{paths, rewrite};

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
        take_attributes(&mut item);
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
    let subject = head.subject.to_token_stream();
    let handlers = callable(&block, &subject);
    let (inner, outer) = block.generics.split(&messages(&handlers));
    let arguments = inner.arguments().map(|arguments| quote!(::#arguments));
    let (client, is_clean) = (client::name(&block), diag.is_clean());
    let handle = emit_handle(&block, &subject, &quote!(#client #arguments), is_clean);
    let local = local(&block, &outer, subject);
    let client = Client {
        block: &block,
        visibility: quote!(pub),
        generics: inner,
        local,
        handlers,
    }
    .emit();
    let generated = rewrite::without_lifetimes(quote!(#handle #client), block.generics.lifetimes());
    let used = block.used_attributes();
    quote!(#item #diag #used #generated)
}

/// The handlers as the client knows them, where `Self` is another type.
fn callable(block: &Block, subject: &TokenStream) -> Vec<Handler> {
    let mut handlers = block.handlers.clone();
    for handler in &mut handlers {
        for payload in [
            &mut handler.method.argument.payload,
            &mut handler.method.reply,
        ] {
            payload.message = rewrite::without_self(std::mem::take(&mut payload.message), subject);
        }
    }
    handlers
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

fn emit_handle(
    block: &Block,
    subject: &TokenStream,
    client: &TokenStream,
    is_clean: bool,
) -> TokenStream {
    let private = paths::private();
    let parameters = block.generics.parameters();
    let clause = block
        .generics
        .clause(is_clean.then(|| shared(block, subject)));
    let body = match is_clean {
        true => {
            let this = paths::variable("this");
            let definition = block.definition(&quote!(Self), client);
            quote! {
                let #this = #private::Arc::new(self);
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

fn local(block: &Block, outer: &Generics, subject: TokenStream) -> Local {
    let private = paths::private();
    Local {
        parameters: outer.parameters(),
        clause: outer.clause(Some(shared(block, &subject))),
        subject,
        definition: quote!(#private::Handle::definition(implementation)),
    }
}

/// What calls that share a service ask of it. The same tokens in both places, so that it is missed once.
fn shared(block: &Block, subject: &TokenStream) -> TokenStream {
    let here = paths::at(block.name.span());
    rewrite::respan(
        quote!(#subject: ::core::marker::Send + ::core::marker::Sync + 'static),
        here,
    )
}
