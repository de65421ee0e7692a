//! `#[micro::handler]`: one endpoint, and the call of it.
//!
//! A method's attribute is read by its block; on a free function it stands alone and is linked into
//! the service that the program runs: see `free`.

mod free;

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

pub(crate) use self::free::expand;
use crate::args::{Args, Given, Key};
use crate::diag::Diag;
use crate::item::Item;
use crate::method::{Expected, Method, Payload, Role};
use crate::{names, paths, rewrite};

const NAME: Key = Key::new("name", "name = \"Chat.Rename\"");
const SERVICE: Key = Key::new("service", "service = \"math\"");
const TIMEOUT: Key = Key::new("timeout", "timeout = \"2s\"");
const IDEMPOTENT: Key = Key::new("idempotent", "idempotent");
const BLOCKING: Key = Key::new("blocking", "blocking");
const STREAM: Key = Key::new("stream", "stream");

/// A method that answers one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) method: Method,
    pub(crate) endpoint: String,
    /// What to underline if another has the same endpoint.
    pub(crate) named: Span,
    pub(crate) options: Options,
}

/// What an attribute says of a handler besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    timeout: Option<Duration>,
    idempotent: bool,
    blocking: bool,
    pub(crate) stream: bool,
}

/// How an endpoint gets to the code of its handler.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// What is called, such as `Self::hello`.
    pub(crate) function: TokenStream,
    /// True if an `Arc` of the service is the variable `this` and comes first.
    pub(crate) method: bool,
}

impl Options {
    pub(crate) fn read(args: &mut Args, diag: &mut Diag) -> Self {
        Self {
            timeout: args.duration(TIMEOUT, diag).map(|timeout| timeout.value),
            idempotent: args.flag(IDEMPOTENT, diag).is_some(),
            blocking: args.flag(BLOCKING, diag).is_some(),
            stream: args.flag(STREAM, diag).is_some(),
        }
    }
}

impl Handler {
    /// Reads a member of the block whose endpoints start with `owner`.
    pub(crate) fn in_block(
        item: &Item,
        mut args: Args,
        owner: &str,
        diag: &mut Diag,
    ) -> Option<Self> {
        let name = endpoint_name(&mut args, NAME, diag);
        let options = Options::read(&mut args, diag);
        args.finish(diag);
        let expected = Expected {
            role: Role::Handler,
            method: true,
            streams: options.stream,
        };
        let method = Method::read(item, expected, diag)?;
        let named = name.as_ref().map_or(method.name.span(), |name| name.span);
        let endpoint = name.map_or_else(|| names::endpoint(owner, &method.name), |name| name.value);
        Some(Self {
            method,
            endpoint,
            named,
            options,
        })
    }

    /// The handler as an expression. `formats` is a pair of expressions, such as a call of what
    /// [`formats`](Self::formats) defines.
    pub(crate) fn serve(&self, route: &Route, formats: &TokenStream) -> TokenStream {
        let here = paths::own(self.method.place());
        let private = paths::private_at(here);
        let closure = route.closure(&self.method);
        let (kind, options) = (self.kind(), self.served_options());
        quote_spanned!(here=> {
            let (requests, replies) = #formats;
            #private::#kind(requests, replies, #closure) #options
        })
    }

    /// The call of the endpoint through `client`, as the body of a function that takes [`parameter`](Self::parameter).
    pub(crate) fn call(&self, client: &TokenStream) -> TokenStream {
        let private = paths::private();
        let (kind, endpoint) = (self.kind(), &self.endpoint);
        let (request, formats) = (&self.method.argument.name, self.formats_of(&quote!(Self)));
        let options = self.called_options();
        let known = quote! {
            static METHOD: #private::Method = #private::Method::new(#endpoint) #options;
        };
        let here = paths::own(self.method.place());
        let client = rewrite::respan(client.clone(), here);
        quote_spanned! {here=>
            #known
            let (requests, replies) = #formats;
            #client.#kind(&METHOD, requests, replies, #request)
        }
    }

    /// The function that knows how both messages are written and read. There is one for both ends, so that a type that
    /// cannot be sent is missed once.
    pub(crate) fn formats(&self) -> TokenStream {
        let Method {
            argument,
            reply,
            notes,
            ..
        } = &self.method;
        let (name, cfgs) = (self.formats_name(), &notes.cfgs);
        let (request, response) = (&argument.payload.message, &reply.message);
        let formats = self.formats_pair();
        // All of it at one place, so that the compiler names no other. The argument is there for lifetimes that an alias
        // leaves unwritten.
        let here = paths::own(reply.span);
        let private = paths::private_at(here);
        let both = quote_spanned!(here=> (#private::Format<#request>, #private::Format<#response>));
        quote! {
            #cfgs
            fn #name(_: &()) -> #both {
                #formats
            }
        }
    }

    /// What [`formats`](Self::formats) returns.
    pub(crate) fn formats_pair(&self) -> TokenStream {
        let Method {
            argument, reply, ..
        } = &self.method;
        let (request, response) = (argument.payload.probe(), reply.probe());
        probing(&quote!((#request, #response)))
    }

    /// The call of what [`formats`](Self::formats) defines for `owner`.
    pub(crate) fn formats_of(&self, owner: &TokenStream) -> TokenStream {
        let name = self.formats_name();
        let here = paths::own(self.method.place());
        rewrite::respan(quote!(#owner::#name(&())), here)
    }

    /// The name of what [`formats`](Self::formats) defines.
    fn formats_name(&self) -> Ident {
        format_ident!(
            "__{}",
            names::plain(&self.method.name),
            span = paths::own(self.method.place())
        )
    }

    /// What a caller gives.
    pub(crate) fn parameter(&self) -> TokenStream {
        let private = paths::private();
        let name = &self.method.argument.name;
        let Payload {
            message, streams, ..
        } = &self.method.argument.payload;
        match streams {
            true => {
                quote!(#name: impl #private::Stream<Item = #message> + ::core::marker::Send + 'static)
            }
            false => quote!(#name: #message),
        }
    }

    /// What a caller gets.
    pub(crate) fn output(&self) -> TokenStream {
        let Payload {
            message,
            streams,
            span,
            ..
        } = &self.method.reply;
        let here = paths::own(*span);
        let private = paths::private_at(here);
        match streams {
            true => quote_spanned!(here=> #private::Call<#private::Streaming<#message>>),
            false => quote_spanned!(here=> #private::Call<#message>),
        }
    }

    /// The docs of the function that calls it.
    pub(crate) fn docs(&self) -> TokenStream {
        let docs = &self.method.notes.docs;
        let own = format!("Calls `{}`.", self.endpoint);
        match self.method.notes.summary.is_empty() {
            true => quote!(#[doc = #own] #docs),
            false => docs.clone(),
        }
    }

    /// The function that makes such a handler, which is also the method of a client that calls it.
    fn kind(&self) -> Ident {
        let name = match (
            self.method.argument.payload.streams,
            self.method.reply.streams,
        ) {
            (false, false) => "unary",
            (false, true) => "server_streaming",
            (true, false) => "client_streaming",
            (true, true) => "bidirectional",
        };
        Ident::new(name, paths::own(self.method.place()))
    }

    fn served_options(&self) -> TokenStream {
        let mut options = self.called_options();
        if self.options.blocking {
            options.extend(quote!(.blocking()));
        }
        let summary = &self.method.notes.summary;
        if !summary.is_empty() {
            options.extend(quote!(.description(#summary)));
        }
        options
    }

    fn called_options(&self) -> TokenStream {
        let private = paths::private();
        let mut options = TokenStream::new();
        if self.options.idempotent {
            options.extend(quote!(.idempotent()));
        }
        if let Some(timeout) = self.options.timeout {
            let (seconds, nanos) = (timeout.as_secs(), timeout.subsec_nanos());
            options.extend(quote!(.timeout(#private::Duration::new(#seconds, #nanos))));
        }
        options
    }
}

impl Route {
    /// The closure that an endpoint or subscription keeps.
    pub(crate) fn closure(&self, method: &Method) -> TokenStream {
        let here = paths::own(method.place());
        let private = paths::private_at(here);
        // A free function is one of the user's names, and none of the variables here.
        let called = if self.method {
            here
        } else {
            paths::at(method.place())
        };
        let function = rewrite::respan(self.function.clone(), called);
        let share = self
            .method
            .then(|| quote_spanned!(here=> let this = #private::Arc::clone(&this);));
        let this = self.method.then(|| quote_spanned!(here=> &*this,));
        let context = method.context.then(|| quote_spanned!(here=> &context,));
        let called = quote_spanned!(here=> #function(#this #context request).await);
        let (emitter, called) = match method.reply.streams {
            true => (
                quote_spanned!(here=> , emitter),
                quote_spanned!(here=> emitter.drive(#called).await),
            ),
            false => (TokenStream::new(), called),
        };
        let given = match method.context {
            true => quote_spanned!(here=> context),
            false => quote_spanned!(here=> _),
        };
        quote_spanned!(here=> move |#given, request #emitter| {
            #share
            async move { #called }
        })
    }
}

impl Payload {
    /// How messages of this type are written and read, where [`probing`] has all that asks.
    fn probe(&self) -> TokenStream {
        let here = paths::own(self.span);
        let (private, message) = (paths::private_at(here), &self.message);
        quote_spanned!(here=> (&&&&&&#private::probe::Probe::<#message>::new()).format())
    }

    /// How messages of this type are written and read.
    pub(crate) fn format(&self) -> TokenStream {
        probing(&self.probe())
    }
}

/// `formats`, which are found by the traits of a probe.
///
/// In place, and not by a macro of the runtime: the compiler would name that macro too, and so the same mistake twice.
fn probing(formats: &TokenStream) -> TokenStream {
    let private = paths::private();
    quote!({
        #[allow(unused_imports)]
        use #private::probe::{
            ByMessage as _, ByNothing as _, ByProst as _, ByProstAndSerde as _, BySerde as _, ByStream as _,
        };
        #formats
    })
}

/// The name of an endpoint under `key`.
pub(crate) fn endpoint_name(args: &mut Args, key: Key, diag: &mut Diag) -> Option<Given<String>> {
    let name = args.text(key, diag)?;
    if !names::is_endpoint(&name.value) {
        diag.error_at(
            name.span,
            format!("an endpoint is a type, a dot and a method: `{}`", key.form),
        );
    }
    Some(name)
}

/// The name of a service under `key`.
pub(crate) fn service_name(args: &mut Args, key: Key, diag: &mut Diag) -> Option<Given<String>> {
    let name = args.text(key, diag)?;
    if !names::is_service(&name.value) {
        let message = format!(
            "a service's name is letters, digits, `.`, `-` and `_`: `{}`",
            key.form
        );
        diag.error_at(name.span, message);
    }
    Some(name)
}
