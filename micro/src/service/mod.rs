//! A service: its name, what it offers, and the two ends, put together.

mod builder;
mod hooks;
mod lifecycle;
mod observe;
mod once;
mod proto;
mod typed;

use std::borrow::Cow;
use std::future::Future;

pub use builder::Builder;
pub use lifecycle::Running;
pub use typed::ServiceClient;

use self::hooks::Hooks;
use crate::client::{Client, Publisher};
use crate::codec::Message;
use crate::error::{Error, Result};
use crate::server::{
    Check, Definition, Handle, Handler, Options, Parts, Server, Subscriber, Wrappers,
};
use crate::wrapper::Wrapper;

/// What a program calls with, and serves as.
///
/// `#[micro::main]` makes one from the command line; [`builder`](Self::builder) makes one without it.
///
/// ```
/// use micro::prelude::*;
///
/// # async fn example() -> micro::Result<()> {
/// let service = micro::Service::builder("math").build().await?;
/// let double = unary(async |_ctx: Context, n: Plain<i64>| Ok::<_, micro::Error>(Plain(n.0 * 2)));
/// let running = service.endpoint("Math.Double", double).start().await?;
/// running.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a service does nothing until it is run or started"]
pub struct Service {
    name: Cow<'static, str>,
    /// True if a flag gave the name: it then holds whatever the handled services are called.
    is_renamed: bool,
    /// The same of the version.
    is_reversioned: bool,
    /// True if the program shows the proto files of what it serves, in place of serving.
    prints_proto: bool,
    definitions: Vec<Definition>,
    wrappers: Wrappers,
    hooks: Hooks,
    checks: Vec<Check>,
    parts: Parts,
    client: Client,
    options: Options,
}

impl Service {
    /// A service called `name`, to be set up in code.
    pub fn builder(name: impl Into<Cow<'static, str>>) -> Builder {
        Builder::new(name.into())
    }

    /// The name: what is served without a name of its own is served under it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client end, for calls without a typed client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Publishes events of type `T` to `topic`.
    ///
    /// ```
    /// use micro::prelude::*;
    ///
    /// # async fn example(service: micro::Service) -> micro::Result<()> {
    /// service.publisher::<Plain<String>>("audit").publish(&Plain("hello".to_owned())).await
    /// # }
    /// ```
    pub fn publisher<T: Message>(&self, topic: impl Into<Cow<'static, str>>) -> Publisher<T> {
        self.client.publisher(topic)
    }

    /// Serves what `implementation` offers.
    pub fn handle(mut self, implementation: impl Handle) -> Self {
        self.definitions.push(implementation.definition());
        self
    }

    /// Answers calls of `name`, such as `Math.Double`, by `handler`.
    pub fn endpoint(self, name: impl Into<Cow<'static, str>>, handler: Handler) -> Self {
        self.handle(Definition::new("").endpoint(name, handler))
    }

    /// Handles the messages of a topic.
    pub fn subscriber(self, subscriber: Subscriber) -> Self {
        self.handle(Definition::new("").subscriber(subscriber))
    }

    /// Puts `wrapper` round every handler, inside the wrappers that are there.
    pub fn wrap_handler(mut self, wrapper: impl Wrapper) -> Self {
        self.wrappers.handlers.push(wrapper);
        self
    }

    /// Puts `wrapper` round every subscriber, inside the wrappers that are there.
    ///
    /// It is given each message as a request: the service that handles it, the topic as endpoint, the body.
    /// What it answers is dropped; an error hands the message back, to be tried again.
    pub fn wrap_subscriber(mut self, wrapper: impl Wrapper) -> Self {
        self.wrappers.subscribers.push(wrapper);
        self
    }

    /// Puts `wrapper` round every call made from now on with this service, inside the wrappers that are there.
    pub fn wrap_client(mut self, wrapper: impl Wrapper) -> Self {
        self.client = self.client.wrap(wrapper);
        self
    }

    /// Puts `wrapper` round everything published from now on with this service, inside the wrappers that are there.
    ///
    /// It is given each message as a request: the service that publishes it, the topic as endpoint, the body; the
    /// response is empty.
    pub fn wrap_publisher(mut self, wrapper: impl Wrapper) -> Self {
        self.client = self.client.wrap_publisher(wrapper);
        self
    }

    /// Runs `hook` before anything is bound or announced; its error is that of the start.
    ///
    /// Hooks of one kind run one after the other, in the order in which they were added.
    ///
    /// ```
    /// # async fn example(service: micro::Service) -> micro::Result<()> {
    /// let service = service
    ///     .before_start(async || { println!("opening the store"); Ok(()) })
    ///     .after_stop(async || println!("closing the store"));
    /// service.run().await
    /// # }
    /// ```
    pub fn before_start<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.add_before_start(hook);
        self
    }

    /// Runs `hook` once the service is announced; if it fails, the service is stopped, and that is the error of the start.
    pub fn after_start<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.hooks.add_after_start(hook);
        self
    }

    /// Runs `hook` when the service is told to stop, before it is deregistered.
    pub fn before_stop<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.add_before_stop(hook);
        self
    }

    /// Runs `hook` when the service has stopped: nothing is called any more.
    pub fn after_stop<F, Fut>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.add_after_stop(hook);
        self
    }

    /// Serves until the returned handle is stopped.
    ///
    /// In a program that was started with `--print_proto` it prints the [proto files](Self::proto_files) and ends the
    /// program.
    ///
    /// # Errors
    ///
    /// What could not be bound, subscribed or registered, by name; `conflict` if two handlers have one name; a hook's.
    pub async fn start(mut self) -> Result<Running> {
        if self.prints_proto {
            return self.print_proto();
        }
        self.settle_definitions()?;
        let Self {
            definitions,
            parts,
            options,
            wrappers,
            mut hooks,
            checks,
            ..
        } = self;
        hooks.before_start().await?;
        let server = Server::start(definitions, parts, options, &wrappers, checks).await?;
        let started = hooks.after_start().await;
        let running = Running::new(server, hooks);
        if let Err(error) = started {
            running.stop().await;
            return Err(error);
        }
        Ok(running)
    }

    /// Serves until SIGTERM or Ctrl-C, then stops in order; a second signal ends it at once.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn run(self) -> Result<()> {
        self.run_until(std::future::pending()).await
    }

    /// Serves until `end` is over, or a signal comes as in [`run`](Self::run), and stops in order.
    ///
    /// ```no_run
    /// # async fn example(service: micro::Service) -> micro::Result<()> {
    /// let (stop, stopped) = micro::tokio::sync::oneshot::channel::<()>();
    /// # drop(stop);
    /// service.run_until(async { drop(stopped.await) }).await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn run_until(self, end: impl Future<Output = ()>) -> Result<()> {
        lifecycle::run(self, end).await
    }

    /// Serves one request, or one event, and returns: what `#[micro::function]` runs.
    ///
    /// The service is registered until somebody takes it, and deregistered before the handler runs; a second caller
    /// is refused as [never reached](Error::is_never_reached), so that it is sent elsewhere. A signal ends it too.
    ///
    /// ```no_run
    /// use micro::prelude::*;
    ///
    /// # async fn example() -> micro::Result<()> {
    /// let hello = unary(async |_ctx: Context, name: Plain<String>| Ok::<_, micro::Error>(name));
    /// let service = micro::Service::builder("greeter").build().await?;
    /// service.endpoint("Greeter.Hello", hello).run_once().await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `internal` if the handler failed.
    pub async fn run_once(self) -> Result<()> {
        once::run(self).await
    }

    /// Gives everything that is served its name and version.
    fn settle_definitions(&mut self) -> Result<()> {
        if self.definitions.is_empty() {
            self.definitions.push(Definition::new(""));
        }
        let mut named: Vec<&str> = self
            .definitions
            .iter()
            .map(|own| &*own.name)
            .filter(|name| !name.is_empty())
            .collect();
        named.sort_unstable();
        named.dedup();
        if self.is_renamed && named.len() > 1 {
            let detail = format!(
                "--server_name={} cannot rename {} at once: leave it out",
                self.name,
                named.join(" and ")
            );
            return Err(Error::bad_request("micro.flags", detail));
        }
        // What has no name of its own joins the one service that has.
        let only = (named.len() == 1 && !self.is_renamed).then(|| named[0].to_owned());
        let name = only.map_or_else(|| self.name.clone(), Cow::Owned);
        for definition in &mut self.definitions {
            if self.is_renamed || definition.name.is_empty() {
                definition.name = name.clone();
            }
            if self.is_reversioned {
                // Without one of its own it has that of the server, which is what was said.
                definition.version = Cow::Borrowed("");
            }
        }
        if name.is_empty() {
            let detail =
                "the service has no name: write #[micro::main(name = \"…\")] or --server_name=…";
            return Err(Error::bad_request("micro.service", detail));
        }
        let mut names = self.definitions.iter().map(|own| &*own.name);
        match names.find(|name| !is_name(name)) {
            None => Ok(()),
            Some(wrong) => {
                let detail = format!(
                    "{wrong:?} cannot name a service: write letters, digits, `.`, `-` and `_`"
                );
                Err(Error::bad_request("micro.service", detail))
            }
        }
    }
}

/// True for what may name a service, as `#[micro::service]` knows it too.
fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    name.split('.')
        .all(|segment| !segment.is_empty() && segment.chars().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::{Builder, Service};
    use crate::flags::{self, NoArgs};
    use crate::server::Definition;

    /// A program started with these arguments, serving `greeter` in version 1.0.0.
    async fn greeter(arguments: &[&str]) -> Service {
        let arguments = ["test", "--registry=memory"].iter().chain(arguments);
        let arguments = arguments.map(|argument| (*argument).into());
        let (flags, NoArgs {}) = flags::parse("test".to_owned(), "", arguments).unwrap();
        let builder = Builder::with_flags("test".to_owned(), flags, Vec::new());
        let greeter = Definition::new("greeter").version("1.0.0");
        builder.build().await.unwrap().handle(greeter)
    }

    #[tokio::test]
    async fn a_flag_renames_what_is_served() {
        let mut service = greeter(&["--server_name=polite"]).await;

        service.settle_definitions().unwrap();

        assert_eq!(service.definitions[0].name, "polite");
    }

    #[tokio::test]
    async fn a_flag_wins_over_the_version_of_what_is_served() {
        let mut service = greeter(&["--server_version=2.0.0"]).await;

        service.settle_definitions().unwrap();

        assert_eq!(service.definitions[0].version, "");
        assert_eq!(service.options.version, "2.0.0");
    }

    #[tokio::test]
    async fn a_fixed_version_wins_over_the_version_of_what_is_served() {
        let builder = Service::builder("greeter").version("2.0.0").fixed();
        let greeter = Definition::new("greeter").version("1.0.0");
        let mut service = builder.build().await.unwrap().handle(greeter);

        service.settle_definitions().unwrap();

        assert_eq!(service.definitions[0].version, "");
        assert_eq!(service.options.version, "2.0.0");
    }

    #[tokio::test]
    async fn what_is_served_keeps_its_version_if_no_flag_says_another() {
        let mut service = greeter(&[]).await;

        service.settle_definitions().unwrap();

        assert_eq!(service.definitions[0].version, "1.0.0");
    }

    #[tokio::test]
    async fn a_name_that_no_registry_could_carry_is_refused() {
        let mut service = greeter(&["--server_name=a b"]).await;

        let error = service.settle_definitions().unwrap_err();

        assert_eq!(error.code(), 400);
        assert!(error.detail().contains("\"a b\""), "{error}");
    }
}
