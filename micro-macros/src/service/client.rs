//! The client of a block: one type, one method for each handler.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::Block;
use super::generics::Generics;
use crate::handler::Handler;
use crate::{names, paths};

/// What a client has besides its handlers' methods.
pub(crate) const FUNCTIONS: [&str; 3] = ["new", "named", "local"];

/// A client about to be emitted.
pub(super) struct Client<'a> {
    pub(super) block: &'a Block,
    pub(super) visibility: TokenStream,
    /// The parameters that its messages mention.
    pub(super) generics: Generics,
    pub(super) local: Local,
    /// As they are called: the client has a `Self` of its own.
    pub(super) handlers: Vec<Handler>,
}

/// The function that takes an implementation in place of a network.
pub(super) struct Local {
    pub(super) parameters: Option<TokenStream>,
    pub(super) clause: Option<TokenStream>,
    /// The type of `implementation`.
    pub(super) subject: TokenStream,
    /// Its `Definition`.
    pub(super) definition: TokenStream,
}

/// The name of a block's client.
pub(super) fn name(block: &Block) -> Ident {
    format_ident!(
        "{}Client",
        names::plain(&block.name),
        span = block.name.span()
    )
}

impl Client<'_> {
    /// The type and all that is implemented for it.
    pub(super) fn emit(&self) -> TokenStream {
        let (definition, basics) = (self.emit_type(), self.emit_basics());
        let functions = self.emit_functions();
        quote!(#definition #basics #functions)
    }

    fn name(&self) -> Ident {
        name(self.block)
    }

    fn emit_type(&self) -> TokenStream {
        let private = paths::private();
        let (visibility, name, generics) =
            (&self.visibility, self.name(), self.generics.declared());
        let types = self.generics.marker().map(|marker| quote!(types: #marker,));
        let docs = format!(
            "Client of the service `{}`.\n\nIt is cheap to clone, and a call is a value until it is awaited.",
            self.block.settings.service
        );
        quote! {
            #[doc = #docs]
            #[allow(dead_code, unreachable_pub)]
            #visibility struct #name #generics {
                client: #private::ServiceClient,
                #types
            }
        }
    }

    /// `Clone` and `Debug`, which derived would ask the same of the messages.
    fn emit_basics(&self) -> TokenStream {
        let (name, text) = (self.name(), self.name().to_string());
        let again = self.over(quote!(::core::clone::Clone::clone(&self.client)));
        let (declared, arguments) = (self.generics.declared(), self.generics.arguments());
        quote! {
            #[automatically_derived]
            impl #declared ::core::clone::Clone for #name #arguments {
                fn clone(&self) -> Self {
                    #again
                }
            }

            #[automatically_derived]
            impl #declared ::core::fmt::Debug for #name #arguments {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_tuple(#text).field(&self.client).finish()
                }
            }
        }
    }

    fn emit_functions(&self) -> TokenStream {
        let (micro, private) = (paths::micro(), paths::private());
        let (name, service) = (self.name(), &self.block.settings.service);
        let arguments = self.generics.arguments();
        let (parameters, clause) = (self.generics.parameters(), self.generics.clause(None));
        let local = self.emit_local();
        // One that has the name of a function of the client was reported.
        let fits =
            |handler: &&Handler| !FUNCTIONS.contains(&names::plain(&handler.method.name).as_str());
        let methods = self.handlers.iter().filter(fits).map(emit_method);
        let found = self.over(quote!(#private::ServiceClient::new(#service, service)));
        let named = self.over(quote!(#private::ServiceClient::named(name, service)));
        let new =
            format!("A client of the nodes of `{service}` that the registry of `service` knows.");
        quote! {
            #[allow(dead_code, unreachable_pub, private_interfaces, private_bounds)]
            impl #parameters #name #arguments #clause {
                #[doc = #new]
                pub fn new(service: &#micro::Service) -> Self {
                    #found
                }

                /// A client of the same contract, served under another name.
                pub fn named(name: impl ::core::convert::Into<::std::string::String>, service: &#micro::Service) -> Self {
                    #named
                }

                #local

                #(#methods)*
            }
        }
    }

    fn emit_local(&self) -> TokenStream {
        let private = paths::private();
        let Local {
            parameters,
            clause,
            subject,
            definition,
        } = &self.local;
        let local = self.over(quote!(#private::ServiceClient::local(#definition)));
        quote! {
            /// A client that `implementation` answers in this process, without a network.
            pub fn local #parameters (implementation: #subject) -> Self #clause {
                #local
            }
        }
    }

    /// A client as an expression.
    fn over(&self, client: TokenStream) -> TokenStream {
        let types = self
            .generics
            .marker()
            .map(|_| quote!(types: ::core::marker::PhantomData,));
        quote!(Self { client: #client, #types })
    }
}

/// The method that calls a handler, and what it knows of its messages.
fn emit_method(handler: &Handler) -> TokenStream {
    let (name, cfgs) = (&handler.method.name, &handler.method.notes.cfgs);
    let (docs, parameter, output) = (handler.docs(), handler.parameter(), handler.output());
    let this = paths::variable("self");
    let (formats, call) = (handler.formats(), handler.call(&quote!(#this.client)));
    quote! {
        #formats

        #cfgs
        #docs
        pub fn #name(&#this, #parameter) -> #output {
            #call
        }
    }
}
