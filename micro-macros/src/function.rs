//! `#[micro::function]`: a program that answers one call, or takes one event, and ends.

use proc_macro2::TokenStream;
use quote::quote;

use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::entry::{self, Program};
use crate::handler::{self, Handler, Route};
use crate::item::Item;
use crate::method::{Expected, Method, Role};
use crate::subscriber::{self, Subscriber};
use crate::{linked, names, paths};

const ENDPOINT: Key = Key::new("endpoint", "endpoint = \"Greeter.Hello\"");

/// What the program does once.
enum Task {
    Answer(Handler),
    Take(Subscriber),
}

/// Expands the attribute.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diag = Diag::new();
    let item = Item::parse(item);
    let function = read(&item, args, &mut diag).filter(|_| diag.is_clean());
    match (function, item.name()) {
        (Some((program, task)), _) => {
            let main = emit_main(&item, &program, &task);
            quote!(#item #main)
        }
        // Without a `main`, or with one that is `async`, the compiler would have more to say.
        (None, Some(name)) if name == "main" => quote! {
            #diag
            fn main() {
                #[allow(dead_code)]
                #item
            }
        },
        (None, Some(_)) => quote!(#diag #item fn main() {}),
        (None, None) => quote!(#diag #item),
    }
}

fn read(item: &Item, args: TokenStream, diag: &mut Diag) -> Option<(Program, Task)> {
    linked::check_function(item, "function", diag)?;
    let name = item.name()?;
    if name == "main" {
        diag.error(
            &name,
            "the attribute writes `main` itself: give the function the name of what it does",
        );
    }
    let mut args = Args::parse("function", args, diag);
    let is_named = args.knows(entry::NAME);
    let program = Program::read(&mut args, diag);
    let takes =
        [subscriber::TOPIC, subscriber::GROUP, subscriber::BROADCAST].map(|key| args.knows(key));
    let task = match takes.contains(&true) {
        true => read_event(item, args, diag).map(Task::Take),
        false => read_call(item, args, &program, diag).map(Task::Answer),
    };
    if !is_named && diag.is_clean() {
        let message =
            "a function says by which name it is found: `#[micro::function(name = \"greeter\")]`";
        diag.error(&name, message);
    }
    Some((program, task?))
}

fn read_event(item: &Item, mut args: Args, diag: &mut Diag) -> Option<Subscriber> {
    let options = subscriber::Options::read(&mut args, item.name_span(), diag);
    args.finish(diag);
    let expected = Expected {
        role: Role::Subscriber,
        method: false,
        streams: false,
    };
    Some(Subscriber {
        method: Method::read(item, expected, diag)?,
        options,
    })
}

fn read_call(item: &Item, mut args: Args, program: &Program, diag: &mut Diag) -> Option<Handler> {
    let endpoint = handler::endpoint_name(&mut args, ENDPOINT, diag);
    let options = handler::Options::read(&mut args, diag);
    args.finish(diag);
    let expected = Expected {
        role: Role::Function,
        method: false,
        streams: options.stream,
    };
    let method = Method::read(item, expected, diag)?;
    let owner = names::owner(&program.name);
    let endpoint = endpoint.map_or_else(
        || names::endpoint(&owner, &method.name),
        |endpoint| endpoint.value,
    );
    let named = method.name.span();
    Some(Handler {
        method,
        endpoint,
        named,
        options,
    })
}

fn emit_main(item: &Item, program: &Program, task: &Task) -> TokenStream {
    let private = paths::private();
    let name = item.name();
    let route = Route {
        function: quote!(#name),
        method: false,
    };
    let (method, part) = match task {
        Task::Answer(handler) => {
            let (endpoint, served) = (
                &handler.endpoint,
                handler.serve(&route, &handler.formats_pair()),
            );
            (&handler.method, quote!(.endpoint(#endpoint, #served)))
        }
        Task::Take(subscriber) => {
            let served = subscriber.serve(&route, &subscriber.method.argument.payload.format());
            (&subscriber.method, quote!(.subscriber(#served)))
        }
    };
    let (cfgs, service, program) = (&method.notes.cfgs, &program.name, program.emit());
    quote! {
        #cfgs
        fn main() -> #private::ExitCode {
            #private::function(#program, #private::Definition::new(#service) #part)
        }
    }
}
