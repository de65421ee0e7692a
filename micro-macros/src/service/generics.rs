//! The generic parameters of a block, and which of them its client needs.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::GenericParam;

/// Parameters and what is asked of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generics {
    parameters: Vec<Parameter>,
    predicates: Vec<TokenStream>,
}

#[derive(Clone, Debug)]
struct Parameter {
    ident: String,
    /// As it is used: `'a`, `T` or `N`.
    name: TokenStream,
    /// As it is declared, without bounds and default: `'a`, `T` or `const N: usize`.
    declared: TokenStream,
    bounds: Vec<TokenStream>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Lifetime,
    Type,
    Const,
}

impl Generics {
    pub(crate) fn new(generics: &syn::Generics) -> Self {
        let predicates = generics
            .where_clause
            .iter()
            .flat_map(|clause| &clause.predicates);
        Self {
            parameters: generics.params.iter().map(Parameter::new).collect(),
            predicates: predicates.map(|predicate| quote!(#predicate)).collect(),
        }
    }

    /// `<'a, T: Bound, const N: usize>`, or nothing.
    pub(crate) fn parameters(&self) -> Option<TokenStream> {
        let parameters = &self.parameters;
        (!parameters.is_empty()).then(|| quote!(<#(#parameters),*>))
    }

    /// The parameters without bounds, as a struct declares them.
    pub(crate) fn declared(&self) -> Option<TokenStream> {
        let declared = self.parameters.iter().map(|parameter| &parameter.declared);
        (!self.parameters.is_empty()).then(|| quote!(<#(#declared),*>))
    }

    /// `<'a, T, N>`, or nothing.
    pub(crate) fn arguments(&self) -> Option<TokenStream> {
        let names = self.parameters.iter().map(|parameter| &parameter.name);
        (!self.parameters.is_empty()).then(|| quote!(<#(#names),*>))
    }

    /// `::<T, N>`, or nothing. Lifetimes are left to the compiler, which does not take some of them here.
    pub(crate) fn turbofish(&self) -> Option<TokenStream> {
        let mut names = self
            .parameters
            .iter()
            .filter(|parameter| parameter.kind != Kind::Lifetime)
            .peekable();
        names.peek()?;
        let names = names.map(|parameter| &parameter.name);
        Some(quote!(::<#(#names),*>))
    }

    /// `where …` with `more` at its end, or nothing.
    pub(crate) fn clause(&self, more: Option<TokenStream>) -> Option<TokenStream> {
        let predicates: Vec<_> = self.predicates.iter().chain(&more).collect();
        (!predicates.is_empty()).then(|| quote!(where #(#predicates),*))
    }

    /// A type that mentions every parameter, and is `Send`, `Sync` and `'static` whatever they are.
    pub(crate) fn marker(&self) -> Option<TokenStream> {
        let mentions = self.parameters.iter().filter_map(|parameter| {
            let name = &parameter.name;
            match parameter.kind {
                Kind::Lifetime => Some(quote!(&#name ())),
                Kind::Type => Some(quote!(#name)),
                // A struct need not use it.
                Kind::Const => None,
            }
        });
        (!self.parameters.is_empty())
            .then(|| quote!(::core::marker::PhantomData<fn() -> (#(#mentions,)*)>))
    }

    /// The parameters that occur in `used`, and the rest, each with what is asked of it.
    pub(crate) fn split(&self, used: &TokenStream) -> (Self, Self) {
        let (mut inner, outer): (Vec<_>, Vec<_>) = self
            .parameters
            .iter()
            .cloned()
            .partition(|parameter| occurs(&parameter.ident, used));
        let reaches_out =
            |tokens: &TokenStream| outer.iter().any(|other| occurs(&other.ident, tokens));
        let mut predicates = self.predicates.clone();
        for parameter in &mut inner {
            let name = &parameter.name;
            let moved = parameter.bounds.extract_if(.., |bound| reaches_out(bound));
            predicates.extend(moved.map(|bound| quote!(#name: #bound)));
        }
        let (beyond, within) = predicates.into_iter().partition(reaches_out);
        (
            Self {
                parameters: inner,
                predicates: within,
            },
            Self {
                parameters: outer,
                predicates: beyond,
            },
        )
    }
}

impl Parameter {
    fn new(parameter: &GenericParam) -> Self {
        match parameter {
            GenericParam::Lifetime(lifetime) => {
                let name = lifetime.lifetime.to_token_stream();
                let bounds = lifetime
                    .bounds
                    .iter()
                    .map(ToTokens::to_token_stream)
                    .collect();
                let ident = lifetime.lifetime.ident.to_string();
                Self {
                    ident,
                    declared: name.clone(),
                    name,
                    bounds,
                    kind: Kind::Lifetime,
                }
            }
            GenericParam::Type(ty) => {
                let name = ty.ident.to_token_stream();
                let bounds = ty.bounds.iter().map(ToTokens::to_token_stream).collect();
                Self {
                    ident: ty.ident.to_string(),
                    declared: name.clone(),
                    name,
                    bounds,
                    kind: Kind::Type,
                }
            }
            GenericParam::Const(constant) => {
                let (name, ty) = (constant.ident.to_token_stream(), &constant.ty);
                let declared = quote!(const #name: #ty);
                Self {
                    ident: constant.ident.to_string(),
                    declared,
                    name,
                    bounds: Vec::new(),
                    kind: Kind::Const,
                }
            }
        }
    }
}

impl ToTokens for Parameter {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            declared, bounds, ..
        } = self;
        tokens.extend(match bounds.is_empty() {
            true => declared.clone(),
            false => quote!(#declared: #(#bounds)+*),
        });
    }
}

/// True if the identifier occurs anywhere in `tokens`.
fn occurs(ident: &str, tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == ident,
        TokenTree::Group(group) => occurs(ident, &group.stream()),
        _ => false,
    })
}
