//! What every registry promises: the lines of [`Registry`]'s behavior.

mod announce;
mod find;
mod outage;
mod watch;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::{ID, Line, Server, soon, take};
use crate::error::{Error, Result};
use crate::id;
use crate::registry::{Action, Endpoint, Event, Node, Registry, Service, Watcher};

/// Two ends of one registry: what is announced at one is found at the other.
pub struct Ends {
    here: Arc<dyn Registry>,
    there: Arc<dyn Registry>,
    ttl: Duration,
    /// Where the ids of nodes end, which no other check has.
    mark: String,
    server: Option<Box<dyn Server>>,
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Ends {
    /// These two, in which nothing is announced. Nodes live for 2 s where that is to be seen.
    pub fn new(here: Arc<dyn Registry>, there: Arc<dyn Registry>) -> Self {
        Self {
            here,
            there,
            ttl: Duration::from_secs(2),
            mark: format!("-{}", &id::random()[..8]),
            server: None,
            kept: None,
        }
    }

    /// Has nodes live for `ttl` where that is to be seen: the registry must tell two thirds of it from the whole.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Checks are to stop this server, which both ends use.
    pub fn server(mut self, server: impl Server + 'static) -> Self {
        self.server = Some(Box::new(server));
        self
    }

    /// Keeps what both ends stand on, such as a folder, for as long as they are used.
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    fn registers(&self) -> bool {
        self.here.capabilities().registers
    }

    fn take_server(&mut self) -> Result<Box<dyn Server>> {
        take(&mut self.server)
    }

    async fn watch(&self) -> Result<Watcher> {
        self.there.watch(Some("greeter")).await
    }

    async fn register(&self, service: &Service) -> Result<()> {
        self.here.register(service, None).await
    }

    /// Announces a node for [`ttl`](Self::ttl).
    async fn register_briefly(&self, service: &Service) -> Result<()> {
        self.here.register(service, Some(self.ttl)).await
    }

    /// Lets two thirds of the ttl go by: for so long, a node is there.
    async fn pass(&self) -> Result<()> {
        let mut events = self.there.watch(Some("clock")).await?;
        let clock = self.service("clock", &[&id::random()[..8]]);
        self.here.register(&clock, Some(self.ttl * 2 / 3)).await?;
        while next(&mut events).await?.action != Action::Delete {}
        Ok(())
    }

    /// The ids of the nodes that are found.
    async fn found(&self) -> Result<Vec<String>> {
        let services = match self.there.get("greeter").await {
            Err(error) if error.code() == 404 => Vec::new(),
            services => services?,
        };
        let nodes = services.into_iter().flat_map(|service| service.nodes);
        let name = |node: Node| node.id.trim_end_matches(&self.mark).to_owned();
        Ok(nodes.map(name).collect())
    }

    /// A record of these nodes.
    fn greeter(&self, nodes: &[&str]) -> Service {
        self.service("greeter", nodes)
    }

    fn service(&self, name: &str, nodes: &[&str]) -> Service {
        let node = |id: &&str| Node {
            id: format!("{id}{}", self.mark),
            address: "127.0.0.1:8080".to_owned(),
            metadata: [("transport".to_owned(), "http".to_owned())].into(),
        };
        let endpoint = Endpoint {
            name: "Greeter.Hello".to_owned(),
            ..Endpoint::default()
        };
        Service {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            metadata: [("zone".to_owned(), "a".to_owned())].into(),
            endpoints: vec![endpoint],
            nodes: nodes.iter().map(node).collect(),
        }
    }

    /// The same at another address.
    fn moved(&self, nodes: &[&str]) -> Service {
        let mut moved = self.greeter(nodes);
        for node in &mut moved.nodes {
            node.address = "127.0.0.1:9000".to_owned();
        }
        moved
    }
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ends").field(&self.here).finish()
    }
}

async fn next(events: &mut Watcher) -> Result<Event> {
    let event = soon("a change", events.next()).await?;
    event.unwrap_or_else(|| Err(Error::internal(ID, "the watcher ended")))
}

/// The code of what must have failed.
fn code<T>(outcome: Result<T>) -> Option<u16> {
    outcome.err().map(|error| error.code())
}

/// All of them.
pub fn lines() -> Vec<Line<Ends>> {
    let by_subject = [
        announce::lines(),
        find::lines(),
        watch::lines(),
        outage::lines(),
    ];
    by_subject.into_iter().flatten().collect()
}
