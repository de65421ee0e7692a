//! What a program is put together from, by name or as values, and the putting together.
//!
//! Filled by the builder and by the flags; read once, bottom-up. Nothing is rewired afterwards.

use std::sync::Arc;

use crate::broker::{self, Broker};
use crate::client::{self, Client};
use crate::error::{Error, Result};
use crate::registry::{self, Registry};
use crate::selector::{self, Selector};
use crate::server::{self, Parts};
use crate::transport::{self, Transport};

/// The choices. `None` means the default component.
#[derive(Debug, Default)]
pub(crate) struct Settings {
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
}

/// Components that code made itself.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) registry: Option<Arc<dyn Registry>>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) broker: Option<Arc<dyn Broker>>,
    pub(crate) selector: Option<Arc<dyn Selector>>,
}

/// Backends of ours that need a feature: kind, name, feature.
const OPTIONAL: [(&str, &str, &str); 2] =
    [("registry", "mdns", "mdns"), ("transport", "http", "http")];

impl Settings {
    /// The parts that both ends stand on, and the client end.
    ///
    /// # Errors
    ///
    /// `bad_request` for a name that no backend has, saying which there are; a backend's own.
    pub(crate) fn assemble(&self) -> Result<(Parts, Client)> {
        let parts = Parts {
            registry: self.registry()?,
            transport: self.transport()?,
            broker: self.broker()?,
        };
        let client = Client::new(
            Arc::clone(&parts.registry),
            Arc::clone(&parts.transport),
            self.selector()?,
            Arc::clone(&parts.broker),
            self.client.clone(),
        );
        Ok((parts, client))
    }

    // A component chosen by name, which only a flag does, wins over one that code made.
    fn registry(&self) -> Result<Arc<dyn Registry>> {
        if let (None, Some(given)) = (&self.registry, &self.given.registry) {
            return Ok(Arc::clone(given));
        }
        let rows = inventory::iter::<registry::Backend>
            .into_iter()
            .map(|row| (row.names, row.open));
        pick(
            "registry",
            self.registry.as_deref(),
            &["mdns", "memory"],
            rows,
        )?(&self.registry_options)
    }

    fn transport(&self) -> Result<Arc<dyn Transport>> {
        if let (None, Some(given)) = (&self.transport, &self.given.transport) {
            return Ok(Arc::clone(given));
        }
        let rows = inventory::iter::<transport::Backend>
            .into_iter()
            .map(|row| (row.names, row.open));
        pick(
            "transport",
            self.transport.as_deref(),
            &["http", "memory"],
            rows,
        )?(&self.transport_options)
    }

    fn broker(&self) -> Result<Arc<dyn Broker>> {
        if let (None, Some(given)) = (&self.broker, &self.given.broker) {
            return Ok(Arc::clone(given));
        }
        let rows = inventory::iter::<broker::Backend>
            .into_iter()
            .map(|row| (row.names, row.open));
        pick("broker", self.broker.as_deref(), &["memory"], rows)?(&self.broker_options)
    }

    fn selector(&self) -> Result<Arc<dyn Selector>> {
        if let (None, Some(given)) = (&self.selector, &self.given.selector) {
            return Ok(Arc::clone(given));
        }
        let rows = inventory::iter::<selector::Backend>
            .into_iter()
            .map(|row| (row.names, row.open));
        Ok(pick(
            "selector",
            self.selector.as_deref(),
            &["random"],
            rows,
        )?())
    }
}

/// The row called `name`, or the first default that is compiled in.
fn pick<T: Copy>(
    kind: &str,
    name: Option<&str>,
    defaults: &[&str],
    rows: impl Iterator<Item = (&'static [&'static str], T)>,
) -> Result<T> {
    let rows: Vec<_> = rows.collect();
    let find = |name: &str| {
        rows.iter()
            .find(|(names, _)| names.contains(&name))
            .map(|(_, open)| *open)
    };
    let found = match name {
        Some(name) => find(name),
        None => defaults.iter().find_map(|name| find(name)),
    };
    found.ok_or_else(|| {
        let mut known: Vec<&str> = rows
            .iter()
            .filter_map(|(names, _)| names.first().copied())
            .collect();
        known.sort_unstable();
        unknown(kind, name.unwrap_or_default(), &known)
    })
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> Error {
    let mut detail = format!(
        "there is no {kind} {name:?} in this program: choose one of {}",
        known.join(", ")
    );
    if let Some((_, _, feature)) = OPTIONAL
        .iter()
        .find(|(own, other, _)| *own == kind && *other == name)
    {
        detail.push_str(&format!(", or build with the feature `{feature}` of micro"));
    } else {
        detail.push_str("; a backend of another crate must be linked by `use that_crate as _;`");
    }
    Error::bad_request("micro.flags", detail)
}
