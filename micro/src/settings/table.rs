//! The backends that are compiled in, by seam: what there is to choose from.
//!
//! Each backend announces itself at link time, those of other crates too; nothing else lists them.

use std::sync::Arc;

use crate::broker::{self, Broker};
use crate::error::{Error, Result};
use crate::registry::{self, Registry};
use crate::selector::{self, Selector};
use crate::transport::{self, Transport};

/// Backends of ours that need a feature: kind, name, feature.
const OPTIONAL: &[(&str, &str, &str)] = &[
    ("registry", "mdns", "mdns"),
    ("registry", "mdns-go", "mdns-go"),
    ("registry", "consul", "registry-consul"),
    ("registry", "dns", "registry-dns"),
    ("registry", "etcd", "registry-etcd"),
    ("registry", "etcdv3", "registry-etcd"),
    ("transport", "frames", "frames"),
    ("transport", "http", "http"),
    ("transport", "websocket", "transport-websocket"),
    ("broker", "http", "broker-http"),
    ("broker", "rabbitmq", "broker-rabbitmq"),
    ("broker", "amqp", "broker-rabbitmq"),
    ("broker", "rabbitmq-go", "broker-rabbitmq"),
    ("broker", "nats", "broker-nats"),
    ("broker", "jetstream", "broker-nats"),
];

/// The backends of one seam, each with what opens it.
pub(crate) struct Table<T> {
    kind: &'static str,
    /// The first of these that is compiled in is used if nobody chooses.
    defaults: &'static [&'static str],
    rows: Vec<(&'static [&'static str], T)>,
}

/// Opens a backend with the options of its seam.
type Open<O, T> = fn(&O) -> Result<Arc<T>>;

pub(crate) fn registries() -> Table<Open<registry::Options, dyn Registry>> {
    let rows = inventory::iter::<registry::Backend>.into_iter();
    Table {
        kind: "registry",
        defaults: &["mdns", "memory"],
        rows: rows.map(|row| (row.names, row.open)).collect(),
    }
}

pub(crate) fn transports() -> Table<Open<transport::Options, dyn Transport>> {
    let rows = inventory::iter::<transport::Backend>.into_iter();
    Table {
        kind: "transport",
        defaults: &["auto", "http", "frames", "memory"],
        rows: rows.map(|row| (row.names, row.open)).collect(),
    }
}

pub(crate) fn brokers() -> Table<Open<broker::Options, dyn Broker>> {
    let rows = inventory::iter::<broker::Backend>.into_iter();
    Table {
        kind: "broker",
        defaults: &["auto", "http", "frames", "memory"],
        rows: rows.map(|row| (row.names, row.open)).collect(),
    }
}

pub(crate) fn selectors() -> Table<fn() -> Arc<dyn Selector>> {
    let rows = inventory::iter::<selector::Backend>.into_iter();
    Table {
        kind: "selector",
        defaults: &["p2c"],
        rows: rows.map(|row| (row.names, row.open)).collect(),
    }
}

impl<T: Copy> Table<T> {
    /// The usual name of each, in order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let first = |(names, _): &(&'static [&'static str], T)| names.first().copied();
        let mut names: Vec<_> = self.rows.iter().filter_map(first).collect();
        names.sort_unstable();
        names
    }

    /// The name that is used if nobody chooses; empty if none of the usual ones is compiled in.
    pub(crate) fn default_name(&self) -> &'static str {
        let is_there = |name: &&str| self.find(name).is_some();
        self.defaults
            .iter()
            .copied()
            .find(is_there)
            .unwrap_or_default()
    }

    /// What opens the one called `name`, or the default one.
    ///
    /// # Errors
    ///
    /// `bad_request` saying what is compiled in, and how to have the one that is not.
    pub(crate) fn pick(&self, name: Option<&str>) -> Result<T> {
        let name = name.unwrap_or_else(|| self.default_name());
        self.find(name).ok_or_else(|| self.unknown(name))
    }

    fn find(&self, name: &str) -> Option<T> {
        let row = self.rows.iter().find(|(names, _)| names.contains(&name));
        row.map(|(_, open)| *open)
    }

    fn unknown(&self, name: &str) -> Error {
        let (kind, known) = (self.kind, self.names().join(", "));
        let mut detail =
            format!("there is no {kind} {name:?} in this program: choose one of {known}");
        let optional = |(own, other, _): &&(&str, &str, &str)| *own == kind && *other == name;
        match OPTIONAL.iter().find(optional) {
            Some((_, _, feature)) => {
                detail.push_str(&format!(", or build with the feature `{feature}` of micro"));
            }
            None => detail
                .push_str("; a backend of another crate must be linked by `use that_crate as _;`"),
        }
        Error::bad_request("micro.flags", detail)
    }
}
