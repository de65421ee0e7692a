//! What a program is put together from, by name or as values, and the putting together.
//!
//! Filled by the builder and by the flags; read once, bottom-up. Nothing is rewired afterwards.

mod table;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

pub(crate) use self::table::{brokers, registries, selectors, transports};
use crate::broker::{self, Broker};
use crate::client::{self, Client};
use crate::error::{Error, Result};
use crate::registry::{self, Cache, Registry};
use crate::selector::Selector;
use crate::server::{self, Parts};
use crate::telemetry::{Metrics, otlp};
use crate::tls::SECURE;
use crate::transport::{self, Transport};

/// The choices. `None` means the default component.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) name: Cow<'static, str>,
    pub(crate) registry: Option<String>,
    pub(crate) registry_options: registry::Options,
    pub(crate) transport: Option<String>,
    pub(crate) transport_options: transport::Options,
    pub(crate) broker: Option<String>,
    pub(crate) broker_options: broker::Options,
    pub(crate) selector: Option<String>,
    pub(crate) client: client::Options,
    pub(crate) server: server::Options,
    pub(crate) given: Given,
    /// Calls and messages are counted.
    pub(crate) metrics: bool,
    /// The collector that spans are sent to.
    pub(crate) otlp_endpoint: Option<String>,
    /// Of programs that `#[micro::main]` runs; others set logging up themselves.
    pub(crate) log_level: LevelFilter,
    /// Where values come from that are not the default, by the name of their flag.
    origins: BTreeMap<&'static str, Origin>,
    /// What no flag may change.
    fixed: BTreeSet<&'static str>,
}

/// Components that code made itself.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) registry: Option<Arc<dyn Registry>>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) broker: Option<Arc<dyn Broker>>,
    pub(crate) selector: Option<Arc<dyn Selector>>,
}

/// Who gave a setting its value; the last one wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Code,
    Variable,
    Flag,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: Cow::Borrowed(""),
            registry: None,
            registry_options: registry::Options::default(),
            transport: None,
            transport_options: transport::Options::default(),
            broker: None,
            broker_options: broker::Options::default(),
            selector: None,
            client: client::Options::default(),
            server: server::Options::default(),
            given: Given::default(),
            metrics: false,
            otlp_endpoint: None,
            log_level: LevelFilter::INFO,
            origins: BTreeMap::new(),
            fixed: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Remembers who set the value that the flag `name` sets.
    pub(crate) fn note(&mut self, name: &'static str, origin: Origin) {
        self.origins.insert(name, origin);
    }

    pub(crate) fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).copied().unwrap_or(Origin::Default)
    }

    /// True if it holds whatever a part of the program says: a flag or a variable set it, or it is fixed.
    pub(crate) fn is_settled(&self, name: &str) -> bool {
        matches!(self.origin(name), Origin::Flag | Origin::Variable) || self.is_fixed(name)
    }

    /// From now on no flag may change what the flag `name` sets.
    pub(crate) fn fix(&mut self, name: &'static str) {
        self.fixed.insert(name);
    }

    pub(crate) fn is_fixed(&self, name: &str) -> bool {
        self.fixed.contains(name)
    }

    /// Has spans sent to the collector, if one is named.
    ///
    /// # Errors
    ///
    /// `bad_request` if that is no address of one, or if nothing here can send to one.
    pub(crate) fn export(&self) -> Result<()> {
        let server::Options { version, id, .. } = &self.server;
        match &self.otlp_endpoint {
            Some(endpoint) => otlp::begin(endpoint, &self.name, version, id),
            None => Ok(()),
        }
    }

    /// The parts that both ends stand on, and the client end.
    ///
    /// # Errors
    ///
    /// `bad_request` for a name that no backend has, saying which there are; a backend's own.
    pub(crate) fn assemble(&self) -> Result<(Parts, Client)> {
        let registry = self.registry()?;
        let cache = Cache::new(Arc::clone(&registry));
        let parts = Parts {
            metrics: self.metrics.then(|| Metrics::new(cache.clone())),
            transport: self.transport()?,
            broker: self.broker(&registry)?,
            registry,
        };
        let client = Client::new(
            self.name.clone(),
            cache,
            Arc::clone(&parts.transport),
            self.selector()?,
            Arc::clone(&parts.broker),
            parts.metrics.clone(),
            self.client.clone(),
        );
        Ok((parts, client))
    }

    // A component chosen by name, which only a flag does, wins over one that code made.
    fn registry(&self) -> Result<Arc<dyn Registry>> {
        match (&self.registry, &self.given.registry) {
            (None, Some(given)) => Ok(Arc::clone(given)),
            (name, _) => {
                let mut options = self.registry_options.clone();
                options.tls = self.transport_options.tls.clone();
                registries().pick(name.as_deref())?(&options)
            }
        }
    }

    fn transport(&self) -> Result<Arc<dyn Transport>> {
        let transport = match (&self.transport, &self.given.transport) {
            (None, Some(given)) => Arc::clone(given),
            (name, _) => transports().pick(name.as_deref())?(&self.transport_options)?,
        };
        let is_secured = transport.facts().contains(&SECURE);
        self.keeps_tls(is_secured, "transport", transport.name())?;
        Ok(transport)
    }

    /// Refuses a component that would speak plaintext, if TLS is asked for.
    fn keeps_tls(&self, is_secured: bool, kind: &str, name: &str) -> Result<()> {
        if is_secured || !self.transport_options.tls.is_on {
            return Ok(());
        }
        let detail = format!(
            "--tls cannot be kept: the {kind} {name} of this program does not secure its connections"
        );
        Err(Error::bad_request("micro.flags", detail))
    }

    fn broker(&self, registry: &Arc<dyn Registry>) -> Result<Arc<dyn Broker>> {
        let broker = match (&self.broker, &self.given.broker) {
            (None, Some(given)) => Arc::clone(given),
            (name, _) => {
                let mut options = self.broker_options.clone();
                options.registry = Some(Arc::clone(registry));
                options.limits = self.transport_options.limits.clone();
                options.tls = self.transport_options.tls.clone();
                brokers().pick(name.as_deref())?(&options)?
            }
        };
        self.keeps_tls(broker.is_secured(), "broker", broker.name())?;
        Ok(broker)
    }

    fn selector(&self) -> Result<Arc<dyn Selector>> {
        match (&self.selector, &self.given.selector) {
            (None, Some(given)) => Ok(Arc::clone(given)),
            (name, _) => Ok(selectors().pick(name.as_deref())?()),
        }
    }
}
