//! Which derives stand under the attribute, and which are to be added.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token};

use super::read::Item;
use crate::args::Given;
use crate::diag::Diag;

/// The traits that a message has anyway, and where their derives are found in `core`.
const OURS: [(&str, &str); 4] = [
    ("Debug", "fmt"),
    ("Clone", "clone"),
    ("PartialEq", "cmp"),
    ("Default", "default"),
];

/// What the user has seen to.
pub(super) struct Derives {
    written: Vec<String>,
}

impl Derives {
    pub(super) fn read(
        item: &mut Item,
        plain: bool,
        without: Option<Given<TokenStream>>,
        diag: &mut Diag,
    ) -> Self {
        let mut written = derived(item.attrs());
        if let Some(list) = without {
            let traits = syn::parse::Parser::parse2(
                Punctuated::<Ident, Token![,]>::parse_terminated,
                list.value,
            );
            for name in diag.ok(traits).into_iter().flatten() {
                if OURS.iter().all(|(ours, _)| name != ours) {
                    diag.error(
                        &name,
                        "`without` takes `Debug`, `Clone`, `PartialEq` and `Default`",
                    );
                }
                written.push(name.to_string());
            }
        }
        let derives = Self { written };
        if !plain && !derives.has("Serialize") && !derives.has("Deserialize") {
            refuse_serde(item, diag);
        }
        derives
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.written.iter().any(|written| written == name)
    }

    /// The derives to be added to an enum without fields.
    pub(super) fn missing(&self, message: &TokenStream) -> TokenStream {
        let missing = OURS.iter().filter(|(name, _)| !self.has(name));
        let paths = missing.map(|(name, module)| {
            let [name, module] = [name, module].map(|text| Ident::new(text, Span::call_site()));
            quote!(#message::core::#module::#name)
        });
        quote!(#[derive(#(#paths),*)])
    }

    /// serde's own derives, for types that have no other form.
    pub(super) fn serde(&self, message: &TokenStream) -> TokenStream {
        let crate_path = quote!(#message::serde).to_string().replace(' ', "");
        let missing = ["Serialize", "Deserialize"]
            .into_iter()
            .filter(|name| !self.has(name));
        let missing: Vec<_> = missing
            .map(|name| Ident::new(name, Span::call_site()))
            .collect();
        if missing.is_empty() {
            return TokenStream::new();
        }
        quote!(#[derive(#(#message::serde::#missing),*)] #[serde(crate = #crate_path)])
    }
}

/// The last segments of what is derived.
fn derived(attrs: &[Attribute]) -> Vec<String> {
    let derives = attrs.iter().filter(|attr| attr.path().is_ident("derive"));
    let paths = derives.flat_map(|attr| {
        // What is no list of paths, rustc says itself.
        attr.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)
            .into_iter()
            .flatten()
    });
    paths
        .filter_map(|path| path.segments.last().map(|last| last.ident.to_string()))
        .collect()
}

/// Attributes of serde say nothing to us. They miss one thing, so that the first is blamed.
fn refuse_serde(item: &mut Item, diag: &mut Diag) {
    let mut is_first = true;
    for attrs in item.all_attrs() {
        attrs.retain(|attr| {
            let serde = attr.path().is_ident("serde");
            if serde && std::mem::take(&mut is_first) {
                let message = "`#[serde(…)]` belongs to serde's derives: write `#[derive(serde::Serialize, \
                               serde::Deserialize)]` under `#[micro::message]`, or `#[micro::message(plain)]`";
                diag.error(attr.path(), message);
            }
            !serde
        });
    }
}
