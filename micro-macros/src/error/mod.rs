//! `#[micro::error]`: an enum that crosses the wire and arrives as itself.

mod detail;
mod emit;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Fields, Generics, ItemEnum, Member, Meta, Path, Token};

use self::detail::Piece;
use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::item::Item;
use crate::{linked, method, names, paths, rewrite};

const CODE: Key = Key::new("code", "code = 409");
const DETAIL: Key = Key::new("detail", "detail = \"{by} has that name\"");

/// Where no code is written, the fault is the service's.
const DEFAULT_CODE: u16 = 500;

/// The enum.
struct TypedError {
    name: Ident,
    /// There are none unless that is the mistake.
    generics: Generics,
    variants: Vec<Variant>,
}

struct Variant {
    name: Ident,
    /// `#[cfg(…)]`.
    cfgs: TokenStream,
    code: u16,
    detail: Vec<Piece>,
    fields: Vec<Field>,
}

struct Field {
    /// The name on the wire; the number, where it has none.
    name: String,
    /// Its type, as any place knows it that does not know `Self`.
    ty: TokenStream,
    member: Member,
    /// What generated code calls its value.
    binding: Ident,
    cfgs: TokenStream,
    span: Span,
}

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    Args::parse("error", args, &mut diag).finish(&mut diag);
    let raw = Item::parse(item);
    if raw.keyword("enum").is_none() {
        linked::misplaced(
            &raw,
            "`#[micro::error]` goes on an `enum`: each variant is one way to fail",
            &mut diag,
        );
        return quote!(#diag #raw);
    }
    let Some(mut item) = diag.ok(syn::parse2::<ItemEnum>(raw.to_token_stream())) else {
        return quote!(#diag #raw);
    };
    let derives = missing_derives(&mut item, &mut diag);
    let error = read(&mut item, &mut diag);
    let implementations = error.emit(diag.is_clean());
    quote!(#diag #derives #item #implementations)
}

/// Reads the enum, and takes our attributes off its variants.
fn read(item: &mut ItemEnum, diag: &mut Diag) -> TypedError {
    if !item.generics.params.is_empty() {
        let message = "an error that crosses the wire cannot be generic: the other end would not know its parameters";
        diag.error(&item.generics, message);
    }
    if item.variants.is_empty() {
        diag.error(
            &item.ident,
            "each variant is one way to fail: write at least one",
        );
    }
    let variants = item
        .variants
        .iter_mut()
        .map(|variant| read_variant(&item.ident, variant, diag))
        .collect();
    TypedError {
        name: item.ident.clone(),
        generics: item.generics.clone(),
        variants,
    }
}

fn read_variant(owner: &Ident, variant: &mut syn::Variant, diag: &mut Diag) -> Variant {
    let ours: Vec<_> = variant
        .attrs
        .extract_if(.., |attribute| attribute.path().is_ident("error"))
        .collect();
    for more in ours.iter().skip(1) {
        diag.error(
            more,
            "one `#[error(…)]` says it all: put the keys into the first",
        );
    }
    let mut args = match ours.first() {
        Some(attribute) => Args::of(attribute, diag),
        None => Args::parse("error", TokenStream::new(), diag),
    };
    let fields = read_fields(owner, &variant.fields, diag);
    let code = args.number::<u16>(CODE, diag);
    if let Some(wrong) = code
        .as_ref()
        .filter(|code| !(400..600).contains(&code.value))
    {
        diag.error_at(
            wrong.span,
            "`code` is an HTTP status from 400 to 599, such as 404 or 409",
        );
    }
    let detail = match args.text(DETAIL, diag) {
        Some(text) => detail::read(&text, &fields, diag),
        None => vec![Piece::Text(default_detail(variant))],
    };
    args.finish(diag);
    Variant {
        name: variant.ident.clone(),
        cfgs: cfgs(&variant.attrs),
        code: code.map_or(DEFAULT_CODE, |code| code.value),
        detail,
        fields,
    }
}

fn read_fields(owner: &Ident, fields: &Fields, diag: &mut Diag) -> Vec<Field> {
    let members = fields.iter().zip(fields.members()).enumerate();
    let read = members.map(|(at, (field, member))| {
        let cfgs = cfgs(&field.attrs);
        if let (false, Member::Unnamed(_)) = (cfgs.is_empty(), &member) {
            diag.error(
                &cfgs,
                "a field that is not always there needs a name: write `name: Type`",
            );
        }
        let name = match &member {
            Member::Named(name) => names::plain(name),
            Member::Unnamed(index) => index.index.to_string(),
        };
        let span = paths::at(method::types::span(&field.ty));
        let ty = rewrite::without_self(field.ty.to_token_stream(), &owner.to_token_stream());
        let binding = format_ident!("field_{at}", span = span);
        Field {
            name,
            ty: rewrite::respan(ty, span),
            member,
            binding,
            cfgs,
            span,
        }
    });
    read.collect()
}

fn cfgs(attributes: &[syn::Attribute]) -> TokenStream {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .map(|cfg| cfg.to_token_stream())
        .collect()
}

/// The first line of the docs, or the name in words.
fn default_detail(variant: &syn::Variant) -> String {
    let docs = variant
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"));
    let first = docs
        .filter_map(method::doc_text)
        .map(|line| line.trim().to_owned())
        .find(|line| !line.is_empty());
    match first {
        Some(line) => line.trim_end_matches('.').to_owned(),
        None => names::words(&names::plain(&variant.ident), ' '),
    }
}

/// True for a path that ends in one of `names`.
fn is_named(path: &Path, names: &[&str]) -> bool {
    let last = path.segments.last();
    last.is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// A `derive` of what errors need and the user did not ask for. Those of what is written here are taken away.
fn missing_derives(item: &mut ItemEnum, diag: &mut Diag) -> TokenStream {
    let mut there = Vec::new();
    let derives = item.attrs.iter_mut();
    for attribute in derives.filter(|attribute| attribute.path().is_ident("derive")) {
        let Meta::List(list) = &mut attribute.meta else {
            continue;
        };
        let paths = list.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
        // What cannot be read is reported by the compiler.
        let Ok(mut paths) = paths.map(Vec::from_iter) else {
            continue;
        };
        let ours = |path: &mut Path| is_named(path, &["Display", "Error"]);
        for path in paths.extract_if(.., ours) {
            let message = "`#[micro::error]` writes `Display` and `Error` itself: derive neither";
            diag.error(path, message);
        }
        let names = paths.iter().filter_map(|path| path.segments.last());
        there.extend(names.map(|last| last.ident.to_string()));
        list.tokens = quote!(#(#paths),*);
    }
    let needed = [
        ("Debug", quote!(::core::fmt::Debug)),
        ("Clone", quote!(::core::clone::Clone)),
        ("PartialEq", quote!(::core::cmp::PartialEq)),
    ];
    let missing = needed
        .into_iter()
        .filter(|(name, _)| !there.iter().any(|derive| derive == name));
    let missing: Vec<_> = missing.map(|(_, path)| path).collect();
    match missing.is_empty() {
        true => TokenStream::new(),
        false => quote!(#[derive(#(#missing),*)]),
    }
}
