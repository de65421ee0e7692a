//! The attribute on a free function: its client, and its link into the program.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Handler, NAME, Options, Route, SERVICE, endpoint_name, service_name};
use crate::args::Args;
use crate::diag::Diag;
use crate::item::Item;
use crate::method::{Expected, Method, Role};
use crate::{linked, names, paths};

/// Expands the attribute on a free function.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    if linked::is_mark(&args) {
        return TokenStream::new();
    }
    let mut diag = Diag::new();
    let item = Item::parse(item);
    let free = read_free(&item, args, &mut diag)
        .map(|(service, handler)| emit_free(&item, &service, &handler, diag.is_clean()));
    quote!(#diag #item #free)
}

/// The service's name, empty for the one that the program runs, and the handler.
fn read_free(item: &Item, args: TokenStream, diag: &mut Diag) -> Option<(String, Handler)> {
    linked::check_function(item, "handler", diag)?;
    let mut args = Args::parse("handler", args, diag);
    let name = endpoint_name(&mut args, NAME, diag);
    let service = service_name(&mut args, SERVICE, diag);
    let options = Options::read(&mut args, diag);
    args.finish(diag);
    let expected = Expected {
        role: Role::Handler,
        method: false,
        streams: options.stream,
    };
    let method = Method::read(item, expected, diag)?;
    let endpoint = match (&name, &service) {
        (Some(name), _) => name.value.clone(),
        (None, Some(service)) => names::endpoint(&names::owner(&service.value), &method.name),
        (None, None) => {
            let name = names::endpoint("Math", &method.name);
            if diag.is_clean() {
                let message = format!(
                    "a free handler says what it is called: `#[micro::handler(name = \"{name}\")]`"
                );
                diag.error(&method.name, message);
            }
            name
        }
    };
    let named = method.name.span();
    let service = service.map(|service| service.value).unwrap_or_default();
    Some((
        service,
        Handler {
            method,
            endpoint,
            named,
            options,
        },
    ))
}

/// The type of the function's name that holds its client, and its link.
fn emit_free(item: &Item, service: &str, handler: &Handler, is_clean: bool) -> TokenStream {
    let (micro, private) = (paths::micro(), paths::private());
    let name = &handler.method.name;
    let runs = paths::variable("service");
    let call = handler.call(&quote!(#private::ServiceClient::new(#service, #runs)));
    let (parameter, output, docs) = (handler.parameter(), handler.output(), handler.docs());
    let formats = handler.formats();
    let members = quote! {
        #formats

        #docs
        pub fn call(#runs: &#micro::Service, #parameter) -> #output {
            #call
        }
    };
    let route = Route {
        function: quote!(#name),
        method: false,
    };
    let served = handler.serve(&route, &handler.formats_of(&quote!(Self)));
    let endpoint = &handler.endpoint;
    let definition =
        is_clean.then(|| quote!(#private::Definition::new(#service).endpoint(#endpoint, #served)));
    linked::emit(
        item,
        &handler.method,
        &format!("Calls `{endpoint}`."),
        &members,
        definition,
    )
}
