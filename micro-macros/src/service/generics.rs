//! The generic parameters of a block, and which of them its client needs.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::GenericParam;

/// Parameters and what is asked of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generics {
    lifetimes: Vec<String>,
    /// What stands between the angle brackets where the block's type or trait is named.
    arguments: Vec<TokenStream>,
    parameters: Vec<Parameter>,
    predicates: Vec<TokenStream>,
}

/// A type or a constant.
#[derive(Clone, Debug)]
struct Parameter {
    ident: Ident,
    /// Without bounds and default: `T` or `const N: usize`.
    declared: TokenStream,
    bounds: Vec<TokenStream>,
    is_type: bool,
}

impl Generics {
    pub(crate) fn new(generics: &syn::Generics) -> Self {
        let lifetimes = generics
            .lifetimes()
            .map(|lifetime| lifetime.lifetime.ident.to_string());
        let clauses = generics.where_clause.iter();
        Self {
            lifetimes: lifetimes.collect(),
            arguments: generics.params.iter().map(argument).collect(),
            parameters: generics.params.iter().filter_map(Parameter::new).collect(),
            predicates: clauses
                .flat_map(|clause| &clause.predicates)
                .map(ToTokens::to_token_stream)
                .collect(),
        }
    }

    /// The names of the lifetimes. What is generated has none: see `rewrite::without_lifetimes`.
    pub(crate) fn lifetimes(&self) -> &[String] {
        &self.lifetimes
    }

    /// `<'a, T, N>` as the block's type or trait takes them, or nothing.
    pub(crate) fn all_arguments(&self) -> Option<TokenStream> {
        angles(self.arguments.iter())
    }

    /// `<T: Bound, const N: usize>`, or nothing.
    pub(crate) fn parameters(&self) -> Option<TokenStream> {
        angles(self.parameters.iter())
    }

    /// The parameters without bounds, as a struct declares them.
    pub(crate) fn declared(&self) -> Option<TokenStream> {
        angles(self.parameters.iter().map(|parameter| &parameter.declared))
    }

    /// `<T, N>`, or nothing.
    pub(crate) fn arguments(&self) -> Option<TokenStream> {
        angles(self.parameters.iter().map(|parameter| &parameter.ident))
    }

    /// `where …` with `more` at its end, or nothing.
    pub(crate) fn clause(&self, more: Option<TokenStream>) -> Option<TokenStream> {
        let predicates: Vec<_> = self.predicates.iter().chain(&more).collect();
        (!predicates.is_empty()).then(|| quote!(where #(#predicates),*))
    }

    /// A type that mentions every parameter, and is `Send`, `Sync` and `'static` whatever they are.
    pub(crate) fn marker(&self) -> Option<TokenStream> {
        let types = self.parameters.iter().filter(|parameter| parameter.is_type);
        let types = types.map(|parameter| &parameter.ident);
        (!self.parameters.is_empty())
            .then(|| quote!(::core::marker::PhantomData<fn() -> (#(#types,)*)>))
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
            let name = &parameter.ident;
            let moved = parameter.bounds.extract_if(.., |bound| reaches_out(bound));
            predicates.extend(moved.map(|bound| quote!(#name: #bound)));
        }
        let (beyond, within) = predicates.into_iter().partition(reaches_out);
        let of = |parameters, predicates| Self {
            parameters,
            predicates,
            ..Self::default()
        };
        (of(inner, within), of(outer, beyond))
    }
}

impl Parameter {
    fn new(parameter: &GenericParam) -> Option<Self> {
        match parameter {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(ty) => Some(Self {
                ident: ty.ident.clone(),
                declared: ty.ident.to_token_stream(),
                bounds: ty.bounds.iter().map(ToTokens::to_token_stream).collect(),
                is_type: true,
            }),
            GenericParam::Const(constant) => {
                let (name, ty) = (&constant.ident, &constant.ty);
                let declared = quote!(const #name: #ty);
                Some(Self {
                    ident: name.clone(),
                    declared,
                    bounds: Vec::new(),
                    is_type: false,
                })
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

/// A parameter as it is used.
fn argument(parameter: &GenericParam) -> TokenStream {
    match parameter {
        GenericParam::Lifetime(lifetime) => lifetime.lifetime.to_token_stream(),
        GenericParam::Type(ty) => ty.ident.to_token_stream(),
        GenericParam::Const(constant) => constant.ident.to_token_stream(),
    }
}

/// The items between angle brackets, or nothing.
fn angles(items: impl ExactSizeIterator<Item: ToTokens>) -> Option<TokenStream> {
    (items.len() > 0).then(|| quote!(<#(#items),*>))
}

/// True if the identifier occurs anywhere in `tokens`.
fn occurs(ident: &Ident, tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *ident,
        TokenTree::Group(group) => occurs(ident, &group.stream()),
        _ => false,
    })
}
