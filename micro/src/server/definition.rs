//! What a program offers: endpoints and subscribers under a service's name.
//!
//! Written by `#[micro::service]` or by hand, read once when the server is built.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::handler::{Enter, Handler};
use super::subscriber::Subscriber;
use crate::codec::{self, ProtoFile};

/// Something that can be served.
///
/// `#[micro::service]` implements it for the annotated type; by hand:
///
/// ```
/// use micro::prelude::*;
///
/// struct Echo;
///
/// impl Handle for Echo {
///     fn definition(self) -> Definition {
///         let echo = unary(async |_ctx: Context, text: Plain<String>| Ok::<_, micro::Error>(text));
///         Definition::new("echo").endpoint("Echo.Say", echo)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    label = "cannot be served",
    note = "annotate its `impl` block with `#[micro::service]`, or, if it implements the trait of a service, write `greeter::serve(…)`, after the trait's name"
)]
pub trait Handle {
    /// What it offers.
    fn definition(self) -> Definition;
}

/// The endpoints and subscribers of one service.
#[derive(Debug)]
pub struct Definition {
    pub(crate) name: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) endpoints: Vec<(Cow<'static, str>, Handler)>,
    pub(crate) subscribers: Vec<Subscriber>,
}

impl Definition {
    /// Nothing yet, under `name`; an empty name means that of the service that runs it.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            version: Cow::Borrowed(""),
            metadata: BTreeMap::new(),
            endpoints: Vec::new(),
            subscribers: Vec::new(),
        }
    }

    /// Sets the version; empty, which is the default, means that of the service that runs it.
    pub fn version(mut self, version: impl Into<Cow<'static, str>>) -> Self {
        self.version = version.into();
        self
    }

    /// Adds a fact to the service's record.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Answers calls of `name`, such as `Greeter.Hello`, by `handler`.
    pub fn endpoint(mut self, name: impl Into<Cow<'static, str>>, handler: Handler) -> Self {
        self.endpoints.push((name.into(), handler));
        self
    }

    /// The proto file of it, of the package that its name is: for callers in other languages.
    ///
    /// ```
    /// use micro::prelude::*;
    ///
    /// #[micro::message]
    /// pub struct Number { value: i64 }
    /// pub struct Math;
    ///
    /// #[micro::service(name = "math")]
    /// impl Math {
    ///     /// Twice the number.
    ///     #[micro::handler]
    ///     async fn double(&self, number: Number) -> micro::Result<Number> {
    ///         Ok(Number { value: number.value * 2 })
    ///     }
    /// }
    ///
    /// let file = Math.definition().proto_file();
    ///
    /// assert!(file.to_string().contains("  // Twice the number.\n  rpc Double (Number) returns (Number);"));
    /// ```
    pub fn proto_file(&self) -> ProtoFile {
        self.describe(ProtoFile::new(&*self.name))
    }

    /// Adds a subscriber.
    pub fn subscriber(mut self, subscriber: Subscriber) -> Self {
        self.subscribers.push(subscriber);
        self
    }
}

impl Definition {
    /// `file` with its endpoints.
    fn describe(&self, file: ProtoFile) -> ProtoFile {
        let endpoints = self.endpoints.iter();
        endpoints.fold(file, |file, (name, handler)| {
            file.method(name, handler.rpc())
        })
    }

    /// This, asking `enter` before any of its handlers runs.
    pub(crate) fn gated(mut self, enter: impl Enter + Clone) -> Self {
        let endpoints = self.endpoints.into_iter();
        self.endpoints = endpoints
            .map(|(name, handler)| (name, handler.gated(enter.clone())))
            .collect();
        let subscribers = self.subscribers.into_iter();
        self.subscribers = subscribers.map(|own| own.gated(enter.clone())).collect();
        self
    }
}

/// The proto file of each service among `definitions`, by name; definitions of one name are joined.
pub(crate) fn proto_files(definitions: &[Definition]) -> Vec<ProtoFile> {
    let mut names: Vec<&str> = definitions.iter().map(|own| &*own.name).collect();
    names.sort_unstable();
    names.dedup();
    let file = |name| {
        let own = definitions.iter().filter(|own| own.name == name);
        own.fold(ProtoFile::new(name), |file, own| own.describe(file))
    };
    names.into_iter().map(file).collect()
}

/// What `definitions` offer, as OpenAPI tells it; `version` is that of services that name none.
pub(crate) fn openapi(definitions: &[Definition], version: &str) -> String {
    let mut versions = definitions.iter().map(|own| &*own.version);
    let version = versions.find(|own| !own.is_empty()).unwrap_or(version);
    codec::openapi(version, &proto_files(definitions)).to_string()
}

impl Handle for Definition {
    fn definition(self) -> Self {
        self
    }
}
