//! What each attribute writes, kept in `snapshots` beside the item that it stands on, to be read where it changes.
//!
//! `UPDATE=1 cargo test -p micro-macros` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, Item, Meta};

use crate::{entry, error, function, handler, service, subscriber};

/// What an attribute makes of `item`, with `attributes` in the order in which they stand.
fn expand(mut attributes: Vec<Attribute>, item: &TokenStream) -> String {
    let ours = attributes.remove(0);
    let args = match &ours.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let name = ours.path().segments.last().unwrap().ident.to_string();
    let expand = match name.as_str() {
        "error" => error::expand,
        "function" => function::expand,
        "handler" => handler::expand,
        "main" => entry::expand,
        "service" => service::expand,
        "subscriber" => subscriber::expand,
        other => panic!("no attribute is called {other}"),
    };
    let expanded = expand(args, quote!(#(#attributes)* #item));
    prettyplease::unparse(&syn::parse2(expanded).unwrap())
}

/// The expansion of the one item in the file.
fn expand_file(path: &Path) -> String {
    let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
    let [item] = file.items.as_slice() else {
        panic!("{} holds one item", path.display());
    };
    let mut item = item.clone();
    let attributes = match &mut item {
        Item::Enum(item) => &mut item.attrs,
        Item::Fn(item) => &mut item.attrs,
        Item::Impl(item) => &mut item.attrs,
        Item::Trait(item) => &mut item.attrs,
        _ => panic!("{} holds no item that attributes go on", path.display()),
    };
    let attributes = std::mem::take(attributes);
    expand(attributes, &item.to_token_stream())
}

fn inputs() -> Vec<PathBuf> {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let files = fs::read_dir(snapshots)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .collect()
}

#[test]
fn attributes_write_what_was_read_last() {
    let mut changed = Vec::new();
    for input in inputs() {
        let (output, expanded) = (input.with_extension("expanded"), expand_file(&input));

        if fs::read_to_string(&output).is_ok_and(|known| known == expanded) {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&output, expanded).unwrap();
        } else {
            changed.push(format!("{}:\n{expanded}", output.display()));
        }
    }

    assert!(
        changed.is_empty(),
        "read this, then run with UPDATE=1:\n{}",
        changed.join("\n")
    );
}
