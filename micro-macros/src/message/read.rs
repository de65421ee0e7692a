//! From the item to the model. Takes the attributes that are ours off the item.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, Type, Visibility};

use super::derives::Derives;
use super::model::{Braces, Coding, Field, Model, Payload, Shape, Typed, Variant};
use super::own::{Own, Tags, check_name};
use super::read_choice::alternatives;
use crate::diag::Diag;
use crate::names::{plain, words};
use crate::paths;

/// The item that the attribute stands on.
pub(super) enum Item {
    Struct(syn::ItemStruct),
    Enum(syn::ItemEnum),
}

impl From<syn::ItemStruct> for Item {
    fn from(item: syn::ItemStruct) -> Self {
        Self::Struct(item)
    }
}

impl From<syn::ItemEnum> for Item {
    fn from(item: syn::ItemEnum) -> Self {
        Self::Enum(item)
    }
}

impl Item {
    pub(super) fn ident(&self) -> &Ident {
        match self {
            Self::Struct(item) => &item.ident,
            Self::Enum(item) => &item.ident,
        }
    }

    fn visibility(&self) -> &Visibility {
        match self {
            Self::Struct(item) => &item.vis,
            Self::Enum(item) => &item.vis,
        }
    }

    pub(super) fn generics(&self) -> &Generics {
        match self {
            Self::Struct(item) => &item.generics,
            Self::Enum(item) => &item.generics,
        }
    }

    pub(super) fn attrs(&self) -> &[Attribute] {
        match self {
            Self::Struct(item) => &item.attrs,
            Self::Enum(item) => &item.attrs,
        }
    }

    /// The attributes of the item, its fields, its variants and theirs.
    pub(super) fn all_attrs(&mut self) -> Vec<&mut Vec<Attribute>> {
        match self {
            Self::Struct(item) => {
                let inner = item.fields.iter_mut().map(|field| &mut field.attrs);
                std::iter::once(&mut item.attrs).chain(inner).collect()
            }
            Self::Enum(item) => {
                let variants = item.variants.iter_mut().flat_map(|variant| {
                    let fields = variant.fields.iter_mut().map(|field| &mut field.attrs);
                    std::iter::once(&mut variant.attrs).chain(fields)
                });
                std::iter::once(&mut item.attrs).chain(variants).collect()
            }
        }
    }

    /// Takes `#[default]` off where no derive will do so.
    pub(super) fn strip_default(&mut self, model: &Model, derives: &Derives) {
        if matches!(model.shape, Shape::Choice(_)) || derives.has("Default") {
            return;
        }
        for attrs in self.all_attrs() {
            attrs.retain(|attr| !attr.path().is_ident("default"));
        }
    }
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Struct(item) => item.to_tokens(tokens),
            Self::Enum(item) => item.to_tokens(tokens),
        }
    }
}

/// The word of an item that says what it is, such as `fn`.
pub(super) fn keyword(item: syn::Item) -> TokenTree {
    let words = [
        "fn",
        "impl",
        "trait",
        "union",
        "mod",
        "type",
        "const",
        "static",
        "use",
        "macro_rules",
    ];
    let tokens = item.into_token_stream();
    let fallback = tokens.clone().into_iter().next();
    let found = tokens
        .into_iter()
        .find(|token| words.contains(&token.to_string().as_str()));
    found
        .or(fallback)
        .unwrap_or_else(|| Ident::new("item", Span::call_site()).into())
}

/// What the item says. Attributes of ours are removed from it.
pub(super) fn model(item: &mut Item, diag: &mut Diag) -> Model {
    let mut names = Names::new(item);
    check_name(&plain(item.ident()), item.ident().span(), diag);
    let shape = match item {
        Item::Struct(item) => Shape::Record(record(item, &mut names, diag)),
        Item::Enum(item) if is_choice(item) => Shape::Choice(alternatives(item, diag)),
        Item::Enum(item) => Shape::OneOf(variants(item, &mut names, diag)),
    };
    Model {
        visibility: item.visibility().clone(),
        ident: item.ident().clone(),
        generics: item.generics().clone(),
        shape,
    }
}

/// Names the types of fields, one after the other.
struct Names {
    own: TokenStream,
    next: usize,
}

impl Names {
    fn new(item: &Item) -> Self {
        let (ident, (_, ty_generics, _)) = (item.ident(), item.generics().split_for_impl());
        Self {
            own: quote!(#ident #ty_generics),
            next: 0,
        }
    }

    fn typed(&mut self, ty: &Type, coding: Coding) -> Typed {
        let alias = format_ident!("__Field{}", self.next, span = paths::at(ty.span()));
        self.next += 1;
        Typed {
            ty: ty.clone(),
            resolved: self.resolve(ty.to_token_stream()),
            alias,
            coding,
        }
    }

    /// Writes the item's own name for `Self`.
    fn resolve(&self, tokens: TokenStream) -> TokenStream {
        let resolve = |token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let spanned = |mut token: TokenTree| {
                    token.set_span(ident.span());
                    token
                };
                self.own.clone().into_iter().map(spanned).collect()
            }
            TokenTree::Group(group) => {
                let mut new = Group::new(group.delimiter(), self.resolve(group.stream()));
                new.set_span(group.span());
                TokenTree::from(new).into()
            }
            other => TokenStream::from(other),
        };
        tokens.into_iter().flat_map(resolve).collect()
    }
}

fn record(item: &mut syn::ItemStruct, names: &mut Names, diag: &mut Diag) -> Vec<Field> {
    if let syn::Fields::Unnamed(fields) = &item.fields {
        let name = &item.ident;
        diag.error(
            fields,
            format!("a message has named fields: write `struct {name} {{ … }}`"),
        );
    }
    fields(&mut item.fields, names, true, diag)
}

/// `is_struct` is false for those of a variant.
fn fields(
    fields: &mut syn::Fields,
    names: &mut Names,
    is_struct: bool,
    diag: &mut Diag,
) -> Vec<Field> {
    let syn::Fields::Named(fields) = fields else {
        return Vec::new();
    };
    let mut tags = Tags::default();
    let mut read = Vec::new();
    for field in &mut fields.named {
        let Some(ident) = field.ident.clone() else {
            continue;
        };
        let own = Own::take(&mut field.attrs, diag);
        own.refuse_default("a field", diag);
        own.refuse_unknown(diag);
        if !is_struct {
            own.refuse_one_of(diag);
        }
        if own.one_of.is_some() {
            own.refuse_coding(diag);
        }
        let key = own.keys(&ident, plain(&ident), &field.attrs, &mut tags, diag);
        read.push(Field {
            ident,
            ty: names.typed(&field.ty, own.coding()),
            key,
            is_one_of: own.one_of.is_some(),
        });
    }
    read
}

fn variants(item: &mut syn::ItemEnum, names: &mut Names, diag: &mut Diag) -> Vec<Variant> {
    let mut tags = Tags::default();
    let mut read = Vec::new();
    for variant in &mut item.variants {
        let own = Own::take(&mut variant.attrs, diag);
        own.refuse_unknown(diag);
        own.refuse_one_of(diag);
        if let Some((_, discriminant)) = &variant.discriminant {
            diag.error(
                discriminant,
                "the number of a variant is its tag: write `#[tag = n]` above it",
            );
        }
        let key = own.keys(
            &variant.ident,
            words(&plain(&variant.ident), '_'),
            &variant.attrs,
            &mut tags,
            diag,
        );
        let payload = payload(variant, &own, names, diag);
        read.push(Variant {
            ident: variant.ident.clone(),
            payload,
            key,
            default: own.default,
        });
    }
    read
}

fn payload(variant: &mut syn::Variant, own: &Own, names: &mut Names, diag: &mut Diag) -> Payload {
    if !matches!(variant.fields, syn::Fields::Unnamed(_)) {
        own.refuse_coding(diag);
    }
    match &mut variant.fields {
        syn::Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
            Payload::Value(Box::new(names.typed(&unnamed.unnamed[0].ty, own.coding())))
        }
        syn::Fields::Unnamed(unnamed) => {
            let name = &variant.ident;
            diag.error(
                unnamed,
                format!("a variant holds one value, or fields with names: write `{name} {{ … }}`"),
            );
            Payload::Fields(Vec::new(), Braces::None)
        }
        syn::Fields::Unit => Payload::Fields(Vec::new(), Braces::None),
        named @ syn::Fields::Named(_) => {
            Payload::Fields(fields(named, names, false, diag), Braces::Braces)
        }
    }
}

/// True for an enum of which no variant has fields, but for the one that keeps unknown numbers.
fn is_choice(item: &syn::ItemEnum) -> bool {
    let is_unknown = |attr: &Attribute| attr.path().is_ident("micro");
    let plain = |variant: &syn::Variant| {
        matches!(variant.fields, syn::Fields::Unit) || variant.attrs.iter().any(is_unknown)
    };
    item.variants.iter().all(plain)
}
