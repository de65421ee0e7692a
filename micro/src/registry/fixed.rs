//! Nodes whose addresses are written down: on the command line, or in code.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};

use super::record::bare;
use super::{Backend, Capabilities, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.static";

/// How many names are shown.
const SHOWN: usize = 10;

inventory::submit! {
    Backend { names: &["static"], open: |options| Ok(Arc::new(StaticRegistry::new(options)?)) }
}

/// Nodes that stand in `--registry_address`, each `SERVICE=HOST:PORT`: chosen by `--registry=static`.
///
/// A service that is named more than once has that many nodes. Nothing is announced here: a service that runs with it
/// serves, and is found by those whose address list has it. Nothing changes, either, so that a node that is down is passed
/// over as long as it refuses connections, and tried again. Of a node nothing is known but its address, until it was asked
/// for the rest by the first call; it may be of any make that takes go-micro's HTTP. A namespace has no meaning.
///
/// ```
/// use micro::registry::{Options, Registry, StaticRegistry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> micro::Result<()> {
/// let mut options = Options::default();
/// options.addresses = vec!["greeter=10.0.0.1:8080".into(), "greeter=10.0.0.2:8080".into()];
/// let registry = StaticRegistry::new(&options)?;
///
/// assert_eq!(registry.get("greeter").await?[0].nodes.len(), 2);
/// # Ok(())
/// # }
/// ```
pub struct StaticRegistry(BTreeMap<String, Service>);

impl StaticRegistry {
    /// The nodes that `options` name.
    ///
    /// # Errors
    ///
    /// `bad_request` if one of them is not written so.
    pub fn new(options: &Options) -> Result<Self> {
        let mut services = BTreeMap::<String, Service>::new();
        for entry in &options.addresses {
            let (name, address) = read(entry).ok_or_else(|| wrong(entry))?;
            let service = services.entry(name.to_owned()).or_insert_with(|| Service {
                name: name.to_owned(),
                ..Service::default()
            });
            let node = bare(name, address.to_owned());
            if !service.nodes.contains(&node) {
                service.nodes.push(node);
            }
        }
        Ok(Self(services))
    }

    fn names(&self) -> String {
        let mut names: Vec<_> = self.0.keys().take(SHOWN).map(|name| &**name).collect();
        if self.0.len() > SHOWN {
            names.push("…");
        }
        names.join(", ")
    }
}

/// The service and the address.
fn read(entry: &str) -> Option<(&str, &str)> {
    let (name, address) = entry.trim().split_once('=')?;
    let (host, port) = address.rsplit_once(':')?;
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = !host.is_empty() && !host.contains(['/', '@', '=', ' ']);
    let is_whole = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
    (!name.is_empty() && is_port && is_host && is_whole).then_some((name, address))
}

fn wrong(entry: &str) -> Error {
    let detail = format!(
        "{entry:?} is no node of the registry static: write SERVICE=HOST:PORT, such as greeter=10.0.0.1:8080"
    );
    Error::bad_request(ID, detail)
}

#[async_trait]
impl Registry for StaticRegistry {
    async fn register(&self, _service: &Service, _ttl: Option<Duration>) -> Result<()> {
        Ok(())
    }

    async fn deregister(&self, _service: &Service) -> Result<()> {
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let service = self.0.get(name).ok_or_else(|| {
            let detail = format!(
                "no address of {name} is given: add {name}=HOST:PORT to --registry_address"
            );
            Error::not_found(ID, detail)
        })?;
        Ok(vec![service.clone()])
    }

    async fn list(&self) -> Result<Vec<Service>> {
        Ok(self.0.values().cloned().collect())
    }

    async fn watch(&self, _name: Option<&str>) -> Result<Watcher> {
        Ok(stream::pending().boxed())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { registers: false }
    }

    fn describe(&self) -> String {
        format!("static: {}", self.names())
    }

    fn name(&self) -> &'static str {
        "static"
    }
}

impl fmt::Debug for StaticRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticRegistry({})", self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_node_is_a_service_and_an_address_with_a_port() {
        for entry in ["a=10.0.0.1:80", "a.b=host:80", "a=[::1]:80"] {
            assert!(read(entry).is_some(), "{entry}");
        }
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for entry in [
            "",
            "a",
            "10.0.0.1:80",
            "=10.0.0.1:80",
            "a=10.0.0.1",
            "a=:80",
            "a=b:0",
            "a=b:x",
            "a=::1:80",
            "a=http://b:80",
            "a=b=c:80",
        ] {
            assert!(read(entry).is_none(), "{entry}");
        }
    }
}
