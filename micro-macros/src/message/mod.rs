//! `#[micro::message]`: what a type needs to be sent.
//!
//! Read → model → check → emit, as everywhere. Where something is wrong the item is emitted with
//! stand-ins in place of its implementations, so that those who use the type are not told, too.

mod check;
mod derives;
mod emit;
mod model;
mod own;
mod read;
mod read_choice;
mod spelling;

#[cfg(feature = "proto")]
pub(crate) use self::spelling::lower_camel;
use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

use self::derives::Derives;
use crate::args::{Args, Key};
use crate::diag::Diag;

const PLAIN: Key = Key::new("plain", "plain");
const WITHOUT: Key = Key::new("without", "without(Debug)");

/// Expands the attribute on a struct or enum.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    let mut args = Args::parse("message", args, &mut diag);
    let plain = args.flag(PLAIN, &mut diag).is_some();
    let without = args.list(WITHOUT, &mut diag);
    args.finish(&mut diag);
    let mut item = match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => read::Item::from(item),
        Ok(Item::Enum(item)) => read::Item::from(item),
        Ok(other) => {
            diag.error(
                read::keyword(other),
                "`#[micro::message]` goes on a struct or an enum",
            );
            return quote!(#diag #item);
        }
        Err(error) => {
            diag.join(error);
            return quote!(#diag #item);
        }
    };
    let derives = Derives::read(&mut item, plain, without, &mut diag);
    if plain {
        let message = emit::plain(&item, &derives);
        return quote!(#diag #message);
    }
    let mut model = read::model(&mut item, &mut diag);
    check::check(&model, &mut diag);
    if !diag.is_clean() {
        model.empty();
    }
    item.strip_default(&model, &derives);
    let message = emit::message(&item, &model, &derives);
    quote!(#diag #message)
}
