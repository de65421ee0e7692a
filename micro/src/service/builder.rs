//! Sets a service up in code.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use super::hooks::Hooks;
use crate::broker::Broker;
use crate::client;
use crate::error::Result;
use crate::flags::{self, Flags};
use crate::registry::Registry;
use crate::selector::Selector;
use crate::server::{Check, Definition, Options, Wrappers};
use crate::settings::{Origin, Settings};
use crate::transport::{Limits, Tls, Transport, Web};

/// Sets a service up: every setter has a default.
///
/// Components that are not given are the default ones: mDNS on the loopback interface, HTTP for calls and messages,
/// the selector `p2c`. A builder that [`Service::builder`] made reads no flags and no variables; the one that a
/// program is given by `#[micro::main]` lays them over what was set when it is built:
///
/// ```no_run
/// #[micro::main]
/// async fn main(builder: micro::Builder) -> micro::Result<()> {
///     // A default that `--server_address` may change, and a version that nothing may.
///     let builder = builder.address(":8080").version("2.1.0").fixed();
///     builder.build().await?.run().await
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is set up until it is built"]
pub struct Builder {
    settings: Settings,
    /// What is laid over the settings; of programs that read a command line.
    flags: Option<Flags>,
    /// What the service serves from the start.
    definitions: Vec<Definition>,
    /// The services without which it is not ready.
    needs: Vec<String>,
    /// The flags of the setting that was set last.
    last: &'static [&'static str],
}

/// Generates setters of one field of the settings, with the names of the flags that set the same.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) $flags:tt = |$settings:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $($argument: $kind),*) -> Self {
            let $settings = &mut self.settings;
            $body;
            self.noted(&$flags)
        }
    )*};
}

impl Builder {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self::with_settings(None, Vec::new()).name(name)
    }

    /// One of a program that reads a command line; `name` holds until something else names the service.
    pub(crate) fn with_flags(name: String, flags: Flags, definitions: Vec<Definition>) -> Self {
        let mut builder = Self::with_settings(Some(flags), definitions);
        builder.settings.name = Cow::Owned(name);
        builder
    }

    fn with_settings(flags: Option<Flags>, definitions: Vec<Definition>) -> Self {
        Self {
            settings: Settings::default(),
            flags,
            definitions,
            needs: Vec::new(),
            last: &[],
        }
    }

    setters! {
        /// Sets the [`name`](Service::name).
        name(name: impl Into<Cow<'static, str>>) ["server_name"] = |settings| settings.name = name.into();
        /// Sets [`Options::version`](crate::server::Options::version).
        version(version: impl Into<String>) ["server_version"] = |settings| settings.server.version = version.into();
        /// Sets [`Options::id`](crate::server::Options::id).
        id(id: impl Into<String>) ["server_id"] = |settings| settings.server.id = id.into();
        /// Sets [`Options::address`](crate::server::Options::address).
        address(address: impl Into<String>) ["server_address"] = |settings| settings.server.address = address.into();
        /// Sets [`Options::advertise`](crate::server::Options::advertise).
        advertise(address: impl Into<String>) ["server_advertise"] =
            |settings| settings.server.advertise = Some(address.into());
        /// Adds to [`Options::metadata`](crate::server::Options::metadata).
        metadata(name: impl Into<String>, value: impl Into<String>) ["server_metadata"] =
            |settings| settings.server.metadata.insert(name.into(), value.into());
        /// Sets [`Options::register_ttl`](crate::server::Options::register_ttl).
        register_ttl(ttl: Duration) ["register_ttl"] = |settings| settings.server.register_ttl = ttl;
        /// Sets [`Options::register_interval`](crate::server::Options::register_interval).
        register_interval(interval: Duration) ["register_interval"] =
            |settings| settings.server.register_interval = interval;
        /// Counts calls and messages, and shows the numbers at `GET /metrics`, in the form that Prometheus reads; off by
        /// default.
        metrics() ["metrics"] = |settings| settings.metrics = true;
        /// Sends spans to the OpenTelemetry collector at `url`, such as `http://localhost:4318`; the feature `otel` has it.
        otlp_endpoint(url: impl Into<String>) ["otlp_endpoint"] = |settings| settings.otlp_endpoint = Some(url.into());
        /// Sets [`Options::linger`](crate::server::Options::linger).
        linger(time: Duration) ["stop_linger"] = |settings| settings.server.linger = time;
        /// Sets [`Options::drain`](crate::server::Options::drain).
        drain(time: Duration) ["stop_drain"] = |settings| settings.server.drain = time;
        /// Sets [`Options::check_timeout`](crate::server::Options::check_timeout).
        check_timeout(time: Duration) ["check_timeout"] = |settings| settings.server.check_timeout = time;
        /// Finds services, and is found, through `registry`.
        registry(registry: impl Registry + 'static) ["registry"] =
            |settings| settings.given.registry = Some(Arc::new(registry));
        /// Keeps fleets that share a registry apart.
        namespace(name: impl Into<String>) ["registry_namespace"] =
            |settings| settings.registry_options.namespace = name.into();
        /// Carries calls by `transport`.
        transport(transport: impl Transport + 'static) ["transport"] =
            |settings| settings.given.transport = Some(Arc::new(transport));
        /// Carries messages by `broker`.
        broker(broker: impl Broker + 'static) ["broker"] =
            |settings| settings.given.broker = Some(Arc::new(broker));
        /// Chooses nodes by `selector`.
        selector(selector: impl Selector + 'static) ["selector"] =
            |settings| settings.given.selector = Some(Arc::new(selector));
        /// Bounds what the default transport lets pass.
        limits(limits: Limits) [
            "client_pool_size", "client_pool_ttl", "client_connect_timeout", "max_message", "max_head",
            "max_calls", "max_streams", "max_connections", "max_connection_age", "head_timeout", "body_rate"
        ] = |settings| settings.transport_options.limits = limits;
        /// Says what pages in browsers may ask of the default transport.
        web(web: Web) ["allow_origin", "allow_host"] = |settings| settings.transport_options.web = web;
        /// Secures the connections of the default transport, or of one that is chosen by its name, and of the HTTP broker.
        tls(tls: Tls) [
            "tls", "tls_cert_file", "tls_key_file", "tls_ca_file", "tls_client_ca_file", "tls_server_name"
        ] = |settings| settings.transport_options.tls = tls;
        /// Says how calls behave.
        client(options: client::Options) [
            "client_request_timeout", "client_retries", "client_retry_budget", "client_retry_reserve",
            "client_hedge", "client_ejection_failures", "client_ejection_time", "client_ejection_longest",
            "client_ejection_floor", "client_content_type", "client_discovery", "client_inherit"
        ] = |settings| settings.client = options;
        /// Says how serving behaves, all at once.
        server(options: Options) [
            "server_version", "server_id", "server_address", "server_advertise", "server_metadata", "register_ttl",
            "register_interval", "stop_linger", "stop_drain", "check_timeout"
        ] = |settings| settings.server = options;
    }

    /// Says that the service is not ready while the registry knows no node of `service`.
    ///
    /// That is what `GET /health/ready` answers; calls are answered all the same.
    pub fn needs(mut self, service: impl Into<String>) -> Self {
        self.needs.push(service.into());
        self
    }

    /// Pins what was set last: a flag or a variable that says something else is an error, which names both.
    ///
    /// Without it flags win over variables, and variables over code.
    pub fn fixed(mut self) -> Self {
        for flag in self.last {
            self.settings.fix(flag);
        }
        self
    }

    fn noted(mut self, flags: &'static [&'static str]) -> Self {
        self.last = flags;
        for flag in flags {
            self.settings.note(flag, Origin::Code);
        }
        self
    }

    /// Puts the service together. Nothing is contacted yet.
    ///
    /// In a program that was started with `--print_config` it prints the settings and ends the program.
    ///
    /// # Errors
    ///
    /// A component's; `bad_request` for a flag against a [fixed](Self::fixed) setting.
    pub async fn build(self) -> Result<Service> {
        let needs = self.needs.clone();
        let prints_proto = self
            .flags
            .as_ref()
            .is_some_and(|flags| flags.is_print_proto);
        let (settings, definitions) = self.settle()?;
        let (parts, client) = settings.assemble()?;
        let needs = needs.into_iter().map(|name| {
            let client = client.clone();
            let service = name.clone();
            Check::new(name, move || client.clone().find(service.clone()))
        });
        Ok(Service {
            checks: needs.collect(),
            is_renamed: settings.is_settled("server_name"),
            is_reversioned: settings.is_settled("server_version"),
            prints_proto,
            name: settings.name,
            definitions,
            wrappers: Wrappers::default(),
            hooks: Hooks::default(),
            parts,
            client,
            options: settings.server,
        })
    }

    /// The settings with the flags laid over them, and what is served from the start.
    pub(crate) fn settle(self) -> Result<(Settings, Vec<Definition>)> {
        let settings = match &self.flags {
            None => self.settings,
            Some(flags) => {
                let settings = flags.over(self.settings)?;
                if flags.is_print {
                    flags::print_and_exit(&flags::print(&settings));
                }
                settings
            }
        };
        settings.export()?;
        Ok((settings, self.definitions))
    }
}
