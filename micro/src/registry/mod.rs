//! Which nodes offer a service.
//!
//! [`Registry`] is the seam; each backend is one file beside this one, announced by a [`Backend`].
//! Written by the server end, read by the client end; knows nothing of either.

mod cache;
#[cfg(feature = "registry-consul")]
mod consul;
#[cfg(feature = "registry-dns")]
mod dns;
#[cfg(feature = "registry-etcd")]
mod etcd;
mod fixed;
#[cfg(any(feature = "mdns", feature = "mdns-go"))]
mod heard;
#[cfg(any(feature = "mdns", feature = "mdns-go"))]
mod interfaces;
#[cfg(feature = "mdns")]
mod mdns;
#[cfg(feature = "mdns-go")]
mod mdns_go;
#[cfg(feature = "members")]
mod members;
mod memory;
mod multi;
mod reach;
mod record;
mod registration;
mod watch;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

#[cfg(feature = "registry-consul")]
pub use self::consul::ConsulRegistry;
#[cfg(feature = "registry-dns")]
pub use self::dns::DnsRegistry;
#[cfg(feature = "registry-etcd")]
pub use self::etcd::EtcdRegistry;
pub use cache::{Cache, Candidate, Ejection, InFlight, Snapshot};
pub use fixed::StaticRegistry;
#[cfg(feature = "mdns")]
pub use mdns::MdnsRegistry;
#[cfg(all(fuzzing, feature = "mdns"))]
pub(crate) use mdns::fuzz;
#[cfg(feature = "mdns-go")]
pub use mdns_go::MdnsGoRegistry;
#[cfg(all(fuzzing, feature = "mdns-go"))]
pub(crate) use mdns_go::fuzz as fuzz_go;
pub use memory::MemoryRegistry;
pub use multi::MultiRegistry;
pub(crate) use reach::{advertised, bind};
pub use record::{Endpoint, Node, PARTIAL, Service, Value};
pub(crate) use registration::Registration;
pub use watch::{Action, Event, Watcher};

use crate::error::Result;
use crate::tls::Tls;

/// Where services announce their nodes and callers find them.
#[async_trait]
pub trait Registry: fmt::Debug + Send + Sync {
    /// Announces the nodes of `service` for `ttl`; `None` means until [`deregister`](Self::deregister).
    ///
    /// # Behavior
    ///
    /// - Announcing a node again replaces its record.
    /// - Announcing a node again restarts its `ttl`.
    /// - A node that is not announced again within its `ttl` is gone, and watchers see it go.
    /// - Watchers see one event for each node that is new or changed, and none for one that is the same.
    /// - What a server lost is there again once it is announced again.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached.
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()>;

    /// Takes back the nodes of `service`.
    ///
    /// # Behavior
    ///
    /// - Nodes that are not known are ignored.
    /// - Watchers see nodes go that are taken back.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached.
    async fn deregister(&self, service: &Service) -> Result<()>;

    /// The nodes of the service called `name`, one record for each version.
    ///
    /// # Behavior
    ///
    /// - What is announced is found as it was.
    /// - There is one record for each version.
    /// - Many nodes of many versions are all found.
    /// - A name that nothing announced is `not_found`.
    /// - A name whose nodes are all gone is either `not_found` or records without nodes.
    /// - While the server is away a name is `unavailable`, and never `not_found`.
    /// - A server that hangs is `unavailable` in time.
    ///
    /// # Errors
    ///
    /// `not_found` if the name is unknown, `unavailable` if the backend cannot be reached.
    async fn get(&self, name: &str) -> Result<Vec<Service>>;

    /// Every service known, by name and version; nodes and endpoints may be left out.
    ///
    /// # Behavior
    ///
    /// - What is announced is listed.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached.
    async fn list(&self) -> Result<Vec<Service>>;

    /// Changes of the service called `name`, or of all, from now on, until the watcher is dropped.
    ///
    /// # Behavior
    ///
    /// - What is announced after this returned is seen, whatever was announced before.
    /// - A watcher of one name sees no other.
    /// - A watcher of all names sees all.
    /// - A watcher whose server goes away ends, or yields an error.
    ///
    /// # Errors
    ///
    /// `unavailable` if the backend cannot be reached.
    async fn watch(&self, name: Option<&str>) -> Result<Watcher>;

    /// The address at which others who use this registry reach this host; `None`, which is the default, if nobody
    /// needs to but this host, or if the host's routes tell.
    fn reachable_at(&self) -> Option<IpAddr> {
        None
    }

    /// What callers and services can rely on; all of it by default.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Which registry this is and where it looks, for messages, such as `mdns on lo (127.0.0.1)`.
    fn describe(&self) -> String;

    /// True if callers choose nodes of their own host while one is alive. False unless a registry says otherwise.
    fn prefers_local(&self) -> bool {
        false
    }

    /// The name in the `registry` metadata of nodes, such as `mdns`.
    fn name(&self) -> &'static str;
}

/// What a registry can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// True if nodes can be announced. False if others say which there are: what is announced is then left out.
    pub registers: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self { registers: true }
    }
}

/// What a registry is opened with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where the backend is, or, for mDNS, the interfaces it uses. Empty means the backend's default.
    pub addresses: Vec<String>,
    /// Keeps fleets that share a backend apart. Empty by default.
    pub namespace: String,
    /// How connections to a server of the backend are secured, if its address asks for it, as `https://` does. A program
    /// gives what its transport has.
    pub tls: Tls,
}

/// One backend in the table of those that are compiled in.
#[derive(Debug)]
pub struct Backend {
    /// The names it is chosen by, the usual one first.
    pub names: &'static [&'static str],
    /// Opens it.
    pub open: fn(&Options) -> Result<Arc<dyn Registry>>,
}

inventory::collect!(Backend);
