//! `#[micro::service]`: a block of handlers and subscribers, and the client that belongs to it.
//!
//! Two forms, one model: `implementation` reads an `impl` block, `contract` a trait.

mod client;
mod contract;
mod generics;
mod implementation;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

#[cfg(feature = "proto")]
pub(crate) use self::client::FUNCTIONS as CLIENT_FUNCTIONS;
use self::generics::Generics;
use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::handler::{Handler, Route, service_name};
use crate::item::{Attribute, Item};
use crate::subscriber::Subscriber;
use crate::{linked, names, paths};

const NAME: Key = Key::new("name", "name = \"greeter\"");
const VERSION: Key = Key::new("version", "version = \"1.0.0\"");
const ENDPOINT: Key = Key::new("endpoint", "endpoint = \"Greeter\"");
const METADATA: Key = Key::new("metadata", "metadata(\"region\" = \"eu\")");

/// What all expansions of one block draw on.
#[derive(Clone, Debug)]
struct Block {
    /// The type's or the trait's name.
    name: Ident,
    generics: Generics,
    settings: Settings,
    handlers: Vec<Handler>,
    subscribers: Vec<Subscriber>,
    /// The attributes of its members that were imported by name.
    imported: Vec<Ident>,
}

/// What the attribute says of the service.
#[derive(Clone, Debug)]
struct Settings {
    service: String,
    version: Option<String>,
    metadata: Vec<(String, String)>,
    /// What the names of its endpoints start with.
    owner: String,
}

/// Expands the attribute on an `impl` block or a trait.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    let item = Item::parse(item);
    let args = Args::parse("service", args, &mut diag);
    if item.keyword("trait").is_some() {
        return contract::expand(args, item, diag);
    }
    if item.keyword("impl").is_some() && item.keyword("fn").is_none() {
        return implementation::expand(args, item, diag);
    }
    linked::misplaced(
        &item,
        "`#[micro::service]` goes on an `impl` block or on a trait",
        &mut diag,
    );
    quote!(#diag #item)
}

impl Settings {
    fn read(mut args: Args, name: &Ident, diag: &mut Diag) -> Self {
        let name = names::plain(name);
        let service = service_name(&mut args, NAME, diag).map(|service| service.value);
        let version = args.text(VERSION, diag).map(|version| version.value);
        let owner = args.text(ENDPOINT, diag);
        if let Some(wrong) = owner
            .as_ref()
            .filter(|owner| !names::is_service(&owner.value))
        {
            diag.error_at(
                wrong.span,
                format!(
                    "the first part of an endpoint is a type's name: `{}`",
                    ENDPOINT.form
                ),
            );
        }
        let metadata = args.pairs(METADATA, diag);
        args.finish(diag);
        Self {
            service: service.unwrap_or_else(|| names::words(&name, '-')),
            version,
            metadata,
            owner: owner.map_or(name, |owner| owner.value),
        }
    }
}

impl Block {
    /// Takes our attributes off the members of `item` and reads what they stand on.
    ///
    /// Each member that carried one goes through `rewrite` when it was read.
    fn read(
        item: &mut Item,
        name: Ident,
        generics: Generics,
        settings: Settings,
        rewrite: fn(&mut Item),
        diag: &mut Diag,
    ) -> Self {
        let mut block = Self {
            name,
            generics,
            settings,
            handlers: Vec::new(),
            subscribers: Vec::new(),
            imported: Vec::new(),
        };
        let mut annotated = false;
        let mut body = TokenStream::new();
        for mut member in Item::parse_all(item.body()) {
            if block.read_member(&mut member, diag) {
                rewrite(&mut member);
                annotated = true;
            }
            body.extend(quote!(#member));
        }
        if !annotated {
            let message =
                "nothing to serve: put `#[micro::handler]` on the methods that answer calls";
            diag.error(&block.name, message);
        }
        item.set_body(body);
        block.check_names(diag);
        block
    }

    /// True if the member carries an attribute of ours.
    fn read_member(&mut self, member: &mut Item, diag: &mut Diag) -> bool {
        let ours = member.take_attributes(is_ours);
        let [attribute, rest @ ..] = ours.as_slice() else {
            return false;
        };
        for more in rest {
            diag.error(more, "one attribute says what a method is: remove this one");
        }
        let Some(parsed) = diag.ok(attribute.parse()) else {
            return true;
        };
        let Some(name) = parsed.path().segments.last() else {
            return true;
        };
        let place = name.ident.span();
        if parsed
            .path()
            .get_ident()
            .is_some_and(|name| !self.imported.contains(name))
        {
            self.imported.push(name.ident.clone());
        }
        if member.keyword("fn").is_none() {
            diag.error(
                &name.ident,
                format!("`#[micro::{}]` goes on an `async fn`", name.ident),
            );
            return true;
        }
        let args = Args::of(&parsed, diag);
        match attribute.name() {
            "handler" => {
                self.handlers
                    .extend(Handler::in_block(member, args, &self.settings.owner, diag))
            }
            _ => self
                .subscribers
                .extend(Subscriber::in_block(member, args, place, diag)),
        }
        true
    }

    /// Two endpoints need two names, and the client has functions of its own.
    fn check_names(&self, diag: &mut Diag) {
        for (at, handler) in self.handlers.iter().enumerate() {
            let twin = self.handlers[..at].iter().find(|earlier| {
                let alternatives =
                    earlier.method.is_conditional() || handler.method.is_conditional();
                earlier.endpoint == handler.endpoint && !alternatives
            });
            if let Some(twin) = twin {
                let message = format!(
                    "`{}` is already the endpoint of `{}`: set another `name`",
                    handler.endpoint, twin.method.name
                );
                diag.error_at(handler.named, message);
            }
            let name = names::plain(&handler.method.name);
            if client::FUNCTIONS.contains(&name.as_str()) {
                let message = format!(
                    "`{name}` is a function of the generated `{}Client`: name the method otherwise,\nand set its endpoint by `name = \"…\"`",
                    self.name
                );
                diag.error(&handler.method.name, message);
            }
        }
    }

    /// A `Definition` of the service that reaches its code through `target`, such as `Self`, and knows its messages
    /// from `client`.
    fn definition(&self, target: &TokenStream, client: &TokenStream) -> TokenStream {
        let (private, this) = (paths::private(), paths::variable("this"));
        let Settings {
            service,
            version,
            metadata,
            ..
        } = &self.settings;
        let version = version.iter();
        let metadata = metadata
            .iter()
            .map(|(key, value)| quote!(.metadata(#key, #value)));
        let handlers = self.handlers.iter().map(|handler| {
            let (name, cfgs) = (&handler.method.name, &handler.method.notes.cfgs);
            let route = Route {
                function: quote!(#target::#name),
                method: true,
            };
            let served = handler.serve(&route, &handler.formats_of(client));
            let endpoint = &handler.endpoint;
            quote! {
                #cfgs
                let definition = {
                    let #this = #private::Arc::clone(&#this);
                    definition.endpoint(#endpoint, #served)
                };
            }
        });
        let subscribers = self.subscribers.iter().map(|subscriber| {
            let (name, cfgs) = (&subscriber.method.name, &subscriber.method.notes.cfgs);
            let route = Route {
                function: quote!(#target::#name),
                method: true,
            };
            let served = subscriber.serve(&route, &subscriber.method.argument.payload.format());
            quote! {
                #cfgs
                let definition = {
                    let #this = #private::Arc::clone(&#this);
                    definition.subscriber(#served)
                };
            }
        });
        quote! {
            let definition = #private::Definition::new(#service) #(.version(#version))* #(#metadata)*;
            #(#handlers)*
            #(#subscribers)*
            definition
        }
    }

    /// Uses the attributes that were taken off the members, which else would be imported in vain.
    fn used_attributes(&self) -> TokenStream {
        let imported = &self.imported;
        quote!(#(#[#imported(__used)] const _: () = ();)*)
    }

    /// A stand-in for a block that has mistakes, which are reported elsewhere.
    fn empty_definition(&self) -> TokenStream {
        let private = paths::private();
        let service = &self.settings.service;
        quote!(#private::Definition::new(#service))
    }
}

/// Takes our attributes off the members of a block that is none: each would say the same again.
fn take_attributes(item: &mut Item) {
    let mut body = TokenStream::new();
    for mut member in Item::parse_all(item.body()) {
        member.take_attributes(is_ours);
        body.extend(quote!(#member));
    }
    item.set_body(body);
}

/// True for what may stand on a member.
fn is_ours(attribute: &Attribute) -> bool {
    matches!(attribute.name(), "handler" | "subscriber")
}

/// All types that calls of these handlers carry.
fn messages(handlers: &[Handler]) -> TokenStream {
    let methods = handlers.iter().map(|handler| &handler.method);
    let payloads = methods.flat_map(|method| [&method.argument.payload, &method.reply]);
    payloads
        .map(|payload| {
            let message = &payload.message;
            quote!(#message,)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::expand;

    fn tokens(source: &str) -> TokenStream {
        source.parse().unwrap()
    }

    /// True if the expansion opens with exactly the tokens of `item`.
    fn re_emits(source: &str, item: &str) -> bool {
        let expanded = expand(quote!(name = "greeter"), tokens(source)).to_string();
        expanded.starts_with(&tokens(item).to_string())
    }

    #[test]
    fn a_half_typed_body_comes_out_as_it_went_in() {
        let body = "{ let reply = self. ; request. ?? foo!( ) match { } } fn helper(&self) { 1 + }";

        assert!(re_emits(
            &format!(
                "impl Greeter {{ #[micro::handler] async fn hello(&self, r: A) -> micro::Result<B> {body} }}"
            ),
            &format!("impl Greeter {{ async fn hello(&self, r: A) -> micro::Result<B> {body} }}"),
        ));
    }

    #[test]
    fn a_half_typed_member_comes_out_as_it_went_in() {
        assert!(re_emits(
            "impl Greeter { #[micro::handler] async fn hello(&self, r: ) -> async fn hel #[inline] fn next() {} }",
            "impl Greeter { async fn hello(&self, r: ) -> async fn hel #[inline] fn next() {} }",
        ));
    }

    #[test]
    fn a_half_typed_head_comes_out_as_it_went_in() {
        let source = "impl<T: Greeter< where { #[micro::handler] fn hello() {} }";

        assert!(
            expand(TokenStream::new(), tokens(source))
                .to_string()
                .contains(&tokens(source).to_string())
        );
    }

    #[test]
    fn a_block_without_mistakes_is_unchanged_but_for_our_attributes() {
        assert!(re_emits(
            "#[derive(X)] unsafe impl<T> Greeter<T> where T: A<{ N }> { #![allow(x)] const A: u8 = { 1 };
             #[doc = \"a\"] #[handler(idempotent)] #[cfg(unix)] pub(crate) async fn hello(&self, r: A) -> Result<B> { body } }",
            "#[derive(X)] unsafe impl<T> Greeter<T> where T: A<{ N }> { #![allow(x)] const A: u8 = { 1 };
             #[doc = \"a\"] #[cfg(unix)] pub(crate) async fn hello(&self, r: A) -> Result<B> { body } }",
        ));
    }
}
