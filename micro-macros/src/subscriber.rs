//! `#[micro::subscriber]`: what is done with the events of one topic.
//!
//! A method's attribute is read by its block; on a free function it stands alone and is linked into
//! the service that the program runs.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::args::{Args, Key};
use crate::diag::Diag;
use crate::handler::Route;
use crate::item::Item;
use crate::method::{Expected, Method, Role};
use crate::{linked, names, paths};

pub(crate) const TOPIC: Key = Key::new("topic", "topic = \"joined\"");
pub(crate) const GROUP: Key = Key::new("group", "group = \"chat\"");
pub(crate) const BROADCAST: Key = Key::new("broadcast", "broadcast");
const RETRY: Key = Key::new("retry", "retry = 3");
const CONCURRENCY: Key = Key::new("concurrency", "concurrency = 8");
const DURABLE: Key = Key::new("durable", "durable");

/// A method that takes the events of one topic.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) method: Method,
    pub(crate) options: Options,
}

/// What an attribute says of a subscription.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    topic: String,
    /// `None` is a broadcast.
    group: Option<String>,
    retry: Option<u32>,
    concurrency: Option<usize>,
    durable: bool,
}

impl Options {
    /// Reads the keys; what is missing is missed at `place`.
    pub(crate) fn read(args: &mut Args, place: Span, diag: &mut Diag) -> Self {
        let modes = (args.knows(GROUP), args.knows(BROADCAST));
        let has_topic = args.knows(TOPIC);
        let topic = name(args, TOPIC, diag).unwrap_or_default();
        let group = name(args, GROUP, diag);
        let broadcast = args.flag(BROADCAST, diag);
        let concurrency = args.number(CONCURRENCY, diag);
        if let Some(none) = concurrency.as_ref().filter(|number| number.value == 0) {
            diag.error_at(
                none.span,
                "`concurrency` is at least 1: one event at a time, in order",
            );
        }
        let options = Self {
            topic,
            group,
            retry: args.number(RETRY, diag).map(|retry| retry.value),
            concurrency: concurrency.map(|number| number.value),
            durable: args.flag(DURABLE, diag).is_some(),
        };
        // A key that is misspelt is not missing, too.
        if args.has_unknown() {
            return options;
        }
        let what = "what it listens to: `topic = \"joined\"`";
        let who = "who gets an event: `group = \"chat\"` for one member of that group,\nor `broadcast` for every running instance";
        let missing = match (has_topic, modes, broadcast) {
            (_, (true, true), Some(span)) => {
                diag.error_at(span, "write `group` or `broadcast`, not both");
                return options;
            }
            (false, (false, false), _) => format!("{what},\nand {who}"),
            (false, ..) => what.to_owned(),
            (true, (false, false), _) => who.to_owned(),
            _ => return options,
        };
        diag.error_at(place, format!("a subscriber says {missing}"));
        options
    }
}

impl Subscriber {
    /// Reads a member of a block; `place` is where its attribute is.
    pub(crate) fn in_block(
        item: &Item,
        mut args: Args,
        place: Span,
        diag: &mut Diag,
    ) -> Option<Self> {
        let options = Options::read(&mut args, place, diag);
        args.finish(diag);
        let expected = Expected {
            role: Role::Subscriber,
            method: true,
            streams: false,
        };
        Some(Self {
            method: Method::read(item, expected, diag)?,
            options,
        })
    }

    /// The subscription as an expression; `format` is one, too.
    pub(crate) fn serve(&self, route: &Route, format: &TokenStream) -> TokenStream {
        let here = paths::own(self.method.name.span());
        let private = paths::private_at(here);
        let closure = route.closure(&self.method);
        let (topic, options) = (&self.options.topic, self.served_options());
        let mode = match &self.options.group {
            Some(group) => quote!(#private::Mode::group(#group)),
            None => quote!(#private::Mode::Broadcast),
        };
        quote_spanned!(here=> {
            let format = #format;
            #private::subscriber(format, #topic, #mode, #closure) #options
        })
    }

    fn served_options(&self) -> TokenStream {
        let retry = self.options.retry.map(|retry| quote!(.retry(#retry)));
        let concurrency = self
            .options
            .concurrency
            .map(|number| quote!(.concurrency(#number)));
        let durable = self.options.durable.then(|| quote!(.durable()));
        quote!(#retry #concurrency #durable)
    }
}

/// Expands the attribute on a free function.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    if linked::is_mark(&args) {
        return TokenStream::new();
    }
    let mut diag = Diag::new();
    let item = Item::parse(item);
    let subscriber = read_free(&item, args, &mut diag);
    let free = subscriber.map(|subscriber| emit_free(&item, &subscriber, diag.is_clean()));
    quote!(#diag #item #free)
}

fn read_free(item: &Item, args: TokenStream, diag: &mut Diag) -> Option<Subscriber> {
    linked::check_function(item, "subscriber", diag)?;
    let mut args = Args::parse("subscriber", args, diag);
    let options = Options::read(&mut args, item.name_span(), diag);
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

/// The type of the function's name that holds its publisher, and its link.
fn emit_free(item: &Item, subscriber: &Subscriber, is_clean: bool) -> TokenStream {
    let (micro, private) = (paths::micro(), paths::private());
    let Method { name, argument, .. } = &subscriber.method;
    let (event, format, topic) = (
        &argument.payload.message,
        argument.payload.format(),
        &subscriber.options.topic,
    );
    let docs = format!("Publishes `event` to `{topic}`, for whoever subscribes to it.");
    // One for both ends, so that a type that cannot be sent is missed once.
    let members = quote! {
        fn format() -> #private::Format<#event> {
            #format
        }

        #[doc = #docs]
        pub fn publish(service: &#micro::Service, event: &#event) -> #private::Publish {
            #private::publish(service, #topic, Self::format(), event)
        }
    };
    let served = subscriber.serve(
        &Route {
            function: quote!(#name),
            method: false,
        },
        &quote!(Self::format()),
    );
    let definition = is_clean.then(|| quote!(#private::Definition::new("").subscriber(#served)));
    linked::emit(
        item,
        &subscriber.method,
        &format!("Publishes to `{topic}`."),
        &members,
        definition,
    )
}

fn name(args: &mut Args, key: Key, diag: &mut Diag) -> Option<String> {
    let name = args.text(key, diag)?;
    if !names::is_topic(&name.value) {
        diag.error_at(
            name.span,
            format!("a {} has no spaces: `{}`", key.name, key.form),
        );
    }
    Some(name.value)
}
