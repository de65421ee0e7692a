//! What free functions have in common: a type of the function's name, and a link to the program's service.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diag::Diag;
use crate::item::Item;
use crate::method::Method;
use crate::paths;

/// True for the arguments by which a block uses the attributes of its members, on an item that means nothing.
pub(crate) fn is_mark(args: &TokenStream) -> bool {
    args.to_string() == "__used"
}

/// `Some` if `item` is a function, and not the method of a block.
pub(crate) fn check_function(item: &Item, attribute: &str, diag: &mut Diag) -> Option<()> {
    if item.keyword("fn").is_none() {
        misplaced(
            item,
            &format!("`#[micro::{attribute}]` goes on an `async fn`"),
            diag,
        );
        return None;
    }
    let function = item.function().ok();
    let receiver = function
        .as_ref()
        .and_then(|function| function.signature.receiver());
    if let Some(receiver) = receiver {
        let message = match attribute {
            "handler" | "subscriber" => {
                "methods are read with their block: put `#[micro::service]` on the `impl`"
                    .to_owned()
            }
            _ => format!("`#[micro::{attribute}]` goes on a free function, which takes no `self`"),
        };
        diag.error(receiver, message);
        return None;
    }
    Some(())
}

/// Reports an attribute on an item of the wrong kind.
pub(crate) fn misplaced(item: &Item, message: &str, diag: &mut Diag) {
    const KINDS: [&str; 11] = [
        "fn", "struct", "enum", "union", "trait", "impl", "mod", "const", "static", "type", "use",
    ];
    match KINDS.iter().find_map(|kind| item.keyword(kind)) {
        Some(kind) => diag.error(kind, message),
        None => diag.error(item, message),
    }
}

/// A type of the function's name that holds `members`, and its `definition` linked into the program.
///
/// A type and not a module: the types in the function's signature are in scope here, but not there.
pub(crate) fn emit(
    item: &Item,
    method: &Method,
    summary: &str,
    members: &TokenStream,
    definition: Option<TokenStream>,
) -> TokenStream {
    let private = paths::private();
    let visibility = item.function().map(|function| function.visibility).ok();
    let name = &method.name;
    let cfgs = &method.notes.cfgs;
    let (define, link) = definition
        .map(|definition| {
            let define = quote! {
                fn definition() -> #private::Definition {
                    #definition
                }
            };
            let link = quote! {
                #cfgs
                #private::inventory::submit! { #private::Linked::new(#name::definition) }
            };
            (define, link)
        })
        .unzip();
    quote! {
        #cfgs
        #[doc = #summary]
        #[allow(dead_code, non_camel_case_types, missing_debug_implementations, missing_copy_implementations, unreachable_pub)]
        #visibility enum #name {}

        #cfgs
        #[allow(dead_code, deprecated, private_interfaces, private_bounds, unreachable_pub)]
        impl #name {
            #members
            #define
        }

        #link
    }
}
