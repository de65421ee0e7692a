//! The service of a trait: the trait as implementers need it, what serves an implementation, and the client.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{
    Generics as Parameters, ReturnType, Token, Type, TypeParamBound, Visibility, parse_quote,
};

use super::client::{self, Client, Local};
use super::generics::Generics;
use super::{Block, Settings, messages};
use crate::args::Args;
use crate::diag::Diag;
use crate::item::{Function, Item};
use crate::method::{Method, types};
use crate::{names, paths, rewrite};

/// What stands before the braces.
struct Head {
    visibility: Visibility,
    unsafety: Option<Token![unsafe]>,
    name: Ident,
    generics: Parameters,
    supertraits: Punctuated<TypeParamBound, Token![+]>,
}

pub(super) fn expand(args: Args, mut item: Item, mut diag: Diag) -> TokenStream {
    let head = item.parse_head(parse_head);
    let Some(head) = diag.ok(head) else {
        return quote!(#diag #item);
    };
    if let Some(unsafety) = &head.unsafety {
        diag.error(
            unsafety,
            "a service cannot be `unsafe`: callers elsewhere cannot know what it asks of them",
        );
    }
    let settings = Settings::read(args, &head.name, &mut diag);
    let generics = Generics::new(&head.generics);
    let mut block = Block::read(
        &mut item,
        head.name.clone(),
        generics,
        settings,
        defer,
        &mut diag,
    );
    check_messages(&mut block, &mut diag);
    item.head = emit_head(&head);
    let (inner, outer) = block.generics.split(&messages(&block.handlers));
    let arguments = inner.arguments().map(|arguments| quote!(::#arguments));
    let (client, is_clean) = (client::name(&block), diag.is_clean());
    let server = emit_server(&block, &head, &quote!(#client #arguments), is_clean);
    let client = emit_client(&block, &head, inner, &outer);
    let generated = rewrite::without_lifetimes(quote!(#server #client), block.generics.lifetimes());
    let used = block.used_attributes();
    quote!(#item #diag #used #generated)
}

fn parse_head(input: ParseStream<'_>) -> syn::Result<Head> {
    let visibility = input.parse()?;
    let unsafety = input.parse()?;
    input.parse::<Token![trait]>()?;
    let name = input.parse()?;
    let mut generics: Parameters = input.parse()?;
    let mut supertraits = Punctuated::new();
    if input.parse::<Option<Token![:]>>()?.is_some() {
        while !input.is_empty() && !input.peek(Token![where]) {
            supertraits.push_value(input.parse()?);
            if input.is_empty() || input.peek(Token![where]) {
                break;
            }
            supertraits.push_punct(input.parse()?);
        }
    }
    generics.where_clause = input.parse()?;
    Ok(Head {
        visibility,
        unsafety,
        name,
        generics,
        supertraits,
    })
}

/// The head with the supertraits that a service needs.
fn emit_head(head: &Head) -> Vec<TokenTree> {
    let Head {
        visibility,
        unsafety,
        name,
        generics,
        supertraits,
    } = head;
    let clause = &generics.where_clause;
    let bounds = supertraits.iter();
    let tokens = quote! {
        #visibility #unsafety trait #name #generics:
            #(#bounds +)* ::core::marker::Send + ::core::marker::Sync + 'static #clause
    };
    tokens.into_iter().collect()
}

/// Makes an `async fn` one that returns a future which is `Send`, as is the stream it may open.
fn defer(member: &mut Item) {
    let Ok(Function {
        visibility,
        mut signature,
    }) = member.function()
    else {
        return;
    };
    let Some(asyncness) = signature.asyncness.take() else {
        return;
    };
    let here = paths::at(asyncness.span);
    let output = match &signature.output {
        ReturnType::Type(_, ty) => send_stream((**ty).clone()),
        ReturnType::Default => parse_quote!(()),
    };
    let future =
        quote_spanned!(here=> impl ::core::future::Future<Output = #output> + ::core::marker::Send);
    signature.output = parse_quote!(-> #future);
    member.head = quote!(#visibility #signature).into_iter().collect();
    let body = member.body();
    member.set_body(quote!(async move { #body }));
}

/// Adds `Send` to the `impl Stream` in the `Ok` position.
fn send_stream(mut ty: Type) -> Type {
    if let Some(Type::ImplTrait(stream)) = types::first_type_mut(&mut ty) {
        stream.bounds.push(parse_quote!(::core::marker::Send));
    }
    ty
}

/// The client is no implementation, so that it cannot know what `Self` is. What mentions it is reported and left out.
fn check_messages(block: &mut Block, diag: &mut Diag) {
    block
        .handlers
        .retain(|handler| check_payload(&handler.method, diag));
    block
        .subscribers
        .retain(|subscriber| check_payload(&subscriber.method, diag));
}

fn check_payload(method: &Method, diag: &mut Diag) -> bool {
    let (sent, answered) = (&method.argument.payload.message, &method.reply.message);
    let tokens = flat(quote!(#sent #answered));
    let wrong = tokens
        .iter()
        .find(|token| matches!(token, TokenTree::Ident(ident) if ident == "Self"));
    if let Some(wrong) = wrong {
        diag.error(
            wrong,
            "the client of a trait knows no `Self`: write the type of the message",
        );
    }
    wrong.is_none()
}

fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let inner = |token| match token {
        TokenTree::Group(group) => flat(group.stream()),
        other => vec![other],
    };
    tokens.into_iter().flat_map(inner).collect()
}

/// The type, named as a module would be, whose `serve` turns an implementation into a definition.
fn emit_server(block: &Block, head: &Head, client: &TokenStream, is_clean: bool) -> TokenStream {
    let private = paths::private();
    let Head {
        visibility, name, ..
    } = head;
    let server = server_name(block);
    let (parameters, arguments) = (block.generics.parameters(), block.generics.all_arguments());
    let clause = block.generics.clause(None);
    let body = match is_clean {
        true => {
            let this = paths::variable("this");
            let definition = block.definition(&quote!(<_ as #name #arguments>), client);
            quote! {
                let #this = #private::Arc::new(implementation);
                #definition
            }
        }
        false => block.empty_definition(),
    };
    let docs = format!("Serves implementations of `{name}`.");
    quote! {
        #[doc = #docs]
        #[allow(dead_code, non_camel_case_types, missing_debug_implementations, missing_copy_implementations, unreachable_pub)]
        #visibility enum #server {}

        #[allow(dead_code, deprecated, unused_variables, private_interfaces, private_bounds, unreachable_pub)]
        impl #server {
            /// What `implementation` answers, as a service handles it.
            pub fn serve #parameters (implementation: impl #name #arguments) -> #private::Definition #clause {
                #body
            }
        }
    }
}

fn emit_client(block: &Block, head: &Head, generics: Generics, outer: &Generics) -> TokenStream {
    let Head {
        visibility, name, ..
    } = head;
    let arguments = block.generics.all_arguments();
    let server = server_name(block);
    let turbofish = block
        .generics
        .arguments()
        .map(|arguments| quote!(::#arguments));
    let local = Local {
        parameters: outer.parameters(),
        clause: outer.clause(None),
        subject: quote!(impl #name #arguments),
        definition: quote!(#server::serve #turbofish (implementation)),
    };
    let handlers = block.handlers.clone();
    Client {
        block,
        visibility: quote!(#visibility),
        generics,
        local,
        handlers,
    }
    .emit()
}

/// `Greeter` is served by `greeter`.
fn server_name(block: &Block) -> Ident {
    let name = names::words(&names::plain(&block.name), '_');
    names::ident(&name, block.name.span())
}
