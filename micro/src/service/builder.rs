//! Sets a service up in code.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::broker::Broker;
use crate::client;
use crate::error::Result;
use crate::flags::Flags;
use crate::registry::Registry;
use crate::selector::Selector;
use crate::server::Options;
use crate::settings::Settings;
use crate::transport::{Limits, Transport};
use crate::wrapper::Stack;

/// Sets a service up: every setter has a default, and none reads the command line.
///
/// Components that are not given are the default ones: mDNS on the loopback interface, HTTP, the memory broker,
/// the random selector.
#[derive(Debug)]
#[must_use = "nothing is set up until it is built"]
pub struct Builder {
    name: Cow<'static, str>,
    settings: Settings,
}

/// Generates setters of one field of the settings.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) = |$settings:ident| $body:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $($argument: $kind),*) -> Self {
            let $settings = &mut self.settings;
            $body;
            self
        }
    )*};
}

impl Builder {
    pub(crate) fn new(name: Cow<'static, str>) -> Self {
        Self {
            name,
            settings: Settings::default(),
        }
    }

    setters! {
        /// Sets [`Options::version`](crate::server::Options::version).
        version(version: impl Into<String>) = |settings| settings.server.version = version.into();
        /// Sets [`Options::id`](crate::server::Options::id).
        id(id: impl Into<String>) = |settings| settings.server.id = id.into();
        /// Sets [`Options::address`](crate::server::Options::address).
        address(address: impl Into<String>) = |settings| settings.server.address = address.into();
        /// Sets [`Options::advertise`](crate::server::Options::advertise).
        advertise(address: impl Into<String>) = |settings| settings.server.advertise = Some(address.into());
        /// Adds to [`Options::metadata`](crate::server::Options::metadata).
        metadata(name: impl Into<String>, value: impl Into<String>) =
            |settings| settings.server.metadata.insert(name.into(), value.into());
        /// Sets [`Options::register_ttl`](crate::server::Options::register_ttl).
        register_ttl(ttl: Duration) = |settings| settings.server.register_ttl = ttl;
        /// Sets [`Options::register_interval`](crate::server::Options::register_interval).
        register_interval(interval: Duration) = |settings| settings.server.register_interval = interval;
        /// Sets [`Options::linger`](crate::server::Options::linger).
        linger(time: Duration) = |settings| settings.server.linger = time;
        /// Sets [`Options::drain`](crate::server::Options::drain).
        drain(time: Duration) = |settings| settings.server.drain = time;
        /// Finds services, and is found, through `registry`.
        registry(registry: impl Registry + 'static) = |settings| settings.given.registry = Some(Arc::new(registry));
        /// Keeps fleets that share a registry apart.
        namespace(name: impl Into<String>) = |settings| settings.registry_options.namespace = name.into();
        /// Carries calls by `transport`.
        transport(transport: impl Transport + 'static) = |settings| settings.given.transport = Some(Arc::new(transport));
        /// Carries messages by `broker`.
        broker(broker: impl Broker + 'static) = |settings| settings.given.broker = Some(Arc::new(broker));
        /// Chooses nodes by `selector`.
        selector(selector: impl Selector + 'static) = |settings| settings.given.selector = Some(Arc::new(selector));
        /// Bounds what the default transport lets pass.
        limits(limits: Limits) = |settings| settings.transport_options.limits = limits;
        /// Says how calls behave.
        client(options: client::Options) = |settings| settings.client = options;
        /// Says how serving behaves, all at once.
        server(options: Options) = |settings| settings.server = options;
    }

    /// Puts the service together. Nothing is contacted yet.
    ///
    /// # Errors
    ///
    /// A component's.
    pub async fn build(self) -> Result<Service> {
        self.assemble(None)
    }

    /// The same, with flags over what was set.
    pub(crate) fn with_flags(mut self, flags: Flags) -> Result<Service> {
        let renamed = flags.server_name.clone();
        self.settings = flags.over(self.settings);
        self.assemble(renamed)
    }

    fn assemble(self, renamed: Option<String>) -> Result<Service> {
        let (parts, client) = self.settings.assemble()?;
        Ok(Service {
            renamed: renamed.is_some(),
            name: renamed.map_or(self.name, Cow::Owned),
            definitions: Vec::new(),
            wrappers: Stack::default(),
            parts,
            client,
            options: self.settings.server,
        })
    }
}
