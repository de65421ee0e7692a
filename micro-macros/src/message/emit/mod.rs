//! From the model to code: for each message the traits by which the runtime reads and writes it.
//!
//! What is generated holds names, numbers and types; how they are used is the runtime's business.

mod choice;
mod derived;
mod fields;
mod one_of;
mod record;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{GenericParam, Generics, Visibility, parse_quote};

use super::derives::Derives;
use super::model::{Coding, Model, Shape, Typed};
use super::read::Item;
use crate::{names, paths};

/// What all parts of one expansion draw on.
#[derive(Clone)]
struct Scope {
    /// The item's, which is that of all that belongs to it.
    visibility: Visibility,
    ident: Ident,
    /// The item's, with our bounds.
    generics: Generics,
    /// Where the runtime is found.
    message: TokenStream,
    core: TokenStream,
    /// Whether serde's traits are the user's own.
    own_serialize: bool,
    own_deserialize: bool,
    /// Under which conditions all of it exists.
    cfg: TokenStream,
}

/// A type that takes the form of its serde implementations alone.
pub(super) fn plain(item: &Item, derives: &Derives) -> TokenStream {
    let private = paths::private();
    let message = quote!(#private::message);
    let derives = derives.serde(&message);
    let ident = item.ident();
    let mut generics = item.generics().clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#message::serde::Serialize));
        param
            .bounds
            .push(parse_quote!(#message::serde::de::DeserializeOwned));
        param
            .bounds
            .push(parse_quote!(#message::core::marker::Send));
        param.bounds.push(parse_quote!('static));
    }
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #derives
        #item

        #[automatically_derived]
        impl #impl_generics #message::Message for #ident #ty_generics #where_clause {
            fn format() -> #message::Format<Self> {
                #message::Format::serde()
            }
        }
    }
}

/// The item and all that it needs to be sent.
pub(super) fn message(item: &Item, model: &Model, derives: &Derives) -> TokenStream {
    let scope = Scope::new(model, derives);
    if model.generics.lifetimes().next().is_some() {
        return item.to_token_stream();
    }
    let missing = matches!(model.shape, Shape::Choice(_)).then(|| derives.missing(&scope.message));
    let aliases = scope.aliases(model);
    let derived = derived::derived(&scope, model, derives);
    let implementations = match &model.shape {
        Shape::Record(fields) => record::record(&scope, fields),
        Shape::OneOf(variants) => one_of::one_of(&scope, variants),
        Shape::Choice(alternatives) => choice::choice(&scope, alternatives),
        Shape::Broken => record::broken(&scope),
    };
    quote! {
        #missing
        #item

        #[doc(hidden)]
        #[allow(clippy::large_enum_variant, private_interfaces, unreachable_patterns, unreachable_pub, unused_variables)]
        const _: () = {
            #aliases
            #implementations
            #derived
        };
    }
}

impl Scope {
    fn new(model: &Model, derives: &Derives) -> Self {
        let private = paths::private();
        let message = quote!(#private::message);
        let mut generics = model.generics.clone();
        for param in generics.type_params_mut() {
            param.bounds.push(parse_quote!(#message::Value));
        }
        Self {
            visibility: model.visibility.clone(),
            ident: model.ident.clone(),
            generics,
            core: quote!(#message::core),
            message,
            own_serialize: derives.has("Serialize"),
            own_deserialize: derives.has("Deserialize"),
            cfg: TokenStream::new(),
        }
    }

    /// The same for what exists under a condition.
    fn when(&self, cfg: TokenStream) -> Self {
        Self {
            cfg,
            ..self.clone()
        }
    }

    /// What the form of `ty` calls `item`.
    fn form(&self, ty: &Typed, item: &str) -> TokenStream {
        self.associated(ty, "Form", item)
    }

    /// The same of what only single values have.
    fn single(&self, ty: &Typed, item: &str) -> TokenStream {
        self.associated(ty, "Single", item)
    }

    /// All of it is blamed on one token of the type, so that the same is said but once.
    fn associated(&self, ty: &Typed, form: &str, item: &str) -> TokenStream {
        let (span, own) = (ty.at(), self.own(ty));
        let [form, item] = [form, item].map(|name| Ident::new(name, span));
        let message = respanned(&self.message, span);
        let field = match ty.coding {
            Coding::Usual => quote_spanned!(span=> #message::Field),
            Coding::Sint => quote_spanned!(span=> #message::FieldAs<#message::Sint>),
            Coding::Fixed => quote_spanned!(span=> #message::FieldAs<#message::Fixed>),
        };
        quote_spanned!(span=> <<#own as #field>::Form as #message::#form<#own>>::#item)
    }

    /// What `ty` calls `item` as a oneof.
    fn inline(&self, ty: &Typed, item: &str) -> TokenStream {
        let (span, own) = (ty.at(), self.own(ty));
        let item = Ident::new(item, span);
        let message = respanned(&self.message, span);
        quote_spanned!(span=> <#own as #message::Inline>::#item)
    }

    /// The type, by its other name where it has one: as it was written it stands in one place only.
    fn own(&self, ty: &Typed) -> TokenStream {
        if self.generics.params.is_empty() {
            ty.alias.to_token_stream()
        } else {
            ty.resolved.clone()
        }
    }

    /// The other names of the fields' types.
    fn aliases(&self, model: &Model) -> TokenStream {
        if !self.generics.params.is_empty() {
            return TokenStream::new();
        }
        let aliases = model.types().into_iter().map(|(keys, ty)| {
            let cfg = keys.iter().flat_map(|key| &key.cfg);
            let (alias, resolved) = (&ty.alias, &ty.resolved);
            quote!(#(#cfg)* type #alias = #resolved;)
        });
        quote!(#(#aliases)*)
    }

    /// The name of the message.
    fn name(&self) -> String {
        names::plain(&self.ident)
    }

    /// The name of the message and of the types that it has as parameters.
    fn full_name(&self, suffix: &str) -> TokenStream {
        let message = &self.message;
        let name = self.name() + suffix;
        let params = self.generics.type_params().map(|param| &param.ident);
        quote!(#message::name(#name, &[#(#message::label::<#params>),*]))
    }

    /// A name that nobody else writes: `__GreetingSlots`.
    fn hidden(&self, suffix: &str) -> Ident {
        format_ident!("__{}{}", self.name(), suffix, span = Span::call_site())
    }

    /// The type, with its parameters.
    fn ty(&self) -> TokenStream {
        let (ident, (_, ty_generics, _)) = (&self.ident, self.generics.split_for_impl());
        quote!(#ident #ty_generics)
    }

    /// An implementation for the type, or for one of the same parameters.
    fn implement(&self, what: impl ToTokens, ident: &Ident, items: impl ToTokens) -> TokenStream {
        let (impl_generics, ty_generics, where_clause) = self.generics.split_for_impl();
        let cfg = &self.cfg;
        quote! {
            #cfg
            #[automatically_derived]
            impl #impl_generics #what for #ident #ty_generics #where_clause {
                #items
            }
        }
    }

    /// What is known of every message: its form, and its format.
    fn forms(&self, form: &str, format: &str) -> TokenStream {
        let message = &self.message;
        let [form, format] = [form, format].map(|name| Ident::new(name, Span::call_site()));
        let field = self.implement(
            quote!(#message::Field),
            &self.ident,
            quote!(type Form = #message::#form;),
        );
        let sendable = quote! {
            fn format() -> #message::Format<Self> {
                #message::Format::#format()
            }
        };
        let message = self.implement(quote!(#message::Message), &self.ident, sendable);
        quote!(#field #message)
    }

    /// serde's way in, unless the user derives it.
    fn deserialize(&self, call: &TokenStream) -> TokenStream {
        if self.own_deserialize {
            return TokenStream::new();
        }
        let (message, core, ident) = (&self.message, &self.core, &self.ident);
        let mut generics = self.generics.clone();
        generics
            .params
            .insert(0, GenericParam::Lifetime(parse_quote!('__de)));
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        let (_, ty_generics, _) = self.generics.split_for_impl();
        quote! {
            #[automatically_derived]
            impl #impl_generics #message::serde::Deserialize<'__de> for #ident #ty_generics #where_clause {
                fn deserialize<__D: #message::serde::Deserializer<'__de>>(
                    deserializer: __D,
                ) -> #core::result::Result<Self, __D::Error> {
                    #call(deserializer)
                }
            }
        }
    }

    /// serde's way out, unless the user derives it.
    fn serialize(&self, body: &TokenStream) -> TokenStream {
        if self.own_serialize {
            return TokenStream::new();
        }
        let (message, core) = (&self.message, &self.core);
        let method = quote! {
            fn serialize<__S: #message::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> #core::result::Result<__S::Ok, __S::Error> {
                #body
            }
        };
        self.implement(quote!(#message::serde::Serialize), &self.ident, method)
    }
}

fn respanned(tokens: &TokenStream, span: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(span);
        token
    };
    tokens.clone().into_iter().map(respan).collect()
}
