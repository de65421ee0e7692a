//! Nodes of go-micro's fleets and ours, by mDNS in go-micro's own form.
//!
//! Names are in `names`, what a node's TXT record holds in `text`, its records in `records`, which of them answer what in
//! `zone`, what others say in `packet`. The thread in `engine` speaks for the nodes of this process, which are in `own`, and
//! takes what it hears into `nodes`.

mod engine;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
#[cfg(test)]
mod golden;
mod names;
mod nodes;
mod own;
mod packet;
mod records;
mod sockets;
mod text;
mod zone;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use self::engine::{Command, Engine};
use self::nodes::Nodes;
use self::own::Own;
use super::interfaces::{Link, Named};
use super::{Backend, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.mdns-go";

/// How long a node may take to answer, as in go-micro; it is asked twice in that time.
const ANSWERS: Duration = Duration::from_millis(100);

/// How long a listing takes: names first, then the nodes of each.
const LISTING: Duration = Duration::from_millis(200);

/// How many commands may wait.
const COMMANDS: usize = 64;

/// The registry that go-micro has by default: services find each other over multicast DNS, in go-micro's form.
///
/// It is always on loopback; [`Options::addresses`] names further interfaces, by name or address, that are looked for at
/// the first use. go-micro itself asks on the interface of the default route alone: what it asks is heard if it runs on this
/// host, and what other hosts of its subnet ask if that interface is named. A node whose address is on loopback stays on this host.
///
/// Nodes are in the domains `micro` (go-micro v1.10 and later) and `local` (those before), and announced in the first. A
/// [namespace](Options::namespace) is a domain in their place, as go-micro's option `mdns.domain` is.
///
/// A node that is deregistered is gone at once. One whose process is killed is gone for those who watch its service after
/// 35 s: go-micro announces nothing again, so that services are asked for every 10 s while they are watched. Getting a service takes
/// 100 ms, since nobody knows how many will answer. An address is an IP address and a port. Up to 1,024 nodes are
/// remembered. A record that does not fit in a packet lacks endpoints or their types, and says so in
/// [`PARTIAL`](super::PARTIAL).
///
/// Nothing is started, and no socket opened, before the first use. Dropping it takes its nodes back.
///
/// ```
/// use micro::registry::{MdnsGoRegistry, Options, Registry};
///
/// let registry = MdnsGoRegistry::new(&Options::default())?;
///
/// assert_eq!(registry.describe(), "mdns-go on loopback (127.0.0.1), domains micro and local");
/// # Ok::<(), micro::Error>(())
/// ```
pub struct MdnsGoRegistry {
    domains: Arc<[String]>,
    interfaces: Named,
    nodes: Arc<Nodes>,
    running: Mutex<Option<Running>>,
}

struct Running {
    /// Dropping it ends the thread.
    commands: mpsc::Sender<Command>,
    thread: JoinHandle<()>,
    lan: Vec<Link>,
}

impl MdnsGoRegistry {
    /// A registry on loopback and the interfaces in [`Options::addresses`]. Starts nothing.
    ///
    /// # Errors
    ///
    /// `bad_request` if the namespace cannot be a domain.
    pub fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            domains: names::domains(&options.namespace)?.into(),
            interfaces: Named::new(&options.addresses),
            nodes: Arc::default(),
            running: Mutex::default(),
        })
    }

    /// Gives the thread something to do, and starts it if it was not.
    async fn command(&self, command: Command) -> Result<()> {
        let commands = self.commands()?;
        let sent = commands.send(command).await;
        sent.map_err(|_| Error::unavailable(ID, "the thread that speaks mDNS has ended"))
    }

    fn commands(&self) -> Result<mpsc::Sender<Command>> {
        let mut running = self.running();
        if let Some(running) = &*running {
            return Ok(running.commands.clone());
        }
        self.interfaces.warn_of_missing();
        let lan = self.interfaces.v4();
        let opened = sockets::open(lan.clone()).map_err(unavailable)?;
        let (nodes, domains) = (Arc::clone(&self.nodes), Arc::clone(&self.domains));
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let thread = thread::Builder::new().name("micro-mdns-go".to_owned());
        let thread = thread.spawn(move || {
            if let Err(error) = Engine::run(opened, nodes, domains, commanded) {
                tracing::error!(%error, "nothing is said or heard on mDNS");
            }
        });
        let thread = thread.map_err(|error| unavailable(error).within("no thread"))?;
        let sender = commands.clone();
        *running = Some(Running {
            commands,
            thread,
            lan,
        });
        Ok(sender)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        // It is whole after any panic: it is put in at once.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Registry for MdnsGoRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        for node in &service.nodes {
            let own = Own::new(service, node, &self.domains, ttl)?;
            self.command(Command::Announce(Box::new(own))).await?;
        }
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        if self.running().is_none() {
            return Ok(());
        }
        for node in &service.nodes {
            let key = (service.name.clone(), node.id.clone());
            let (done, is_done) = oneshot::channel();
            self.command(Command::Withdraw(key, done)).await?;
            // A process that ends now is to have said that its node left; one whose thread has ended said so already.
            is_done.await.ok();
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        for _ in 0..2 {
            // The second time for packets that got lost.
            self.command(Command::Ask(name.to_owned())).await?;
            sleep(ANSWERS / 2).await;
        }
        let services = self.nodes.services(Some(name));
        if services.is_empty() {
            let detail = format!("no node answered for `{name}` on {}", self.describe());
            return Err(Error::not_found(ID, detail));
        }
        Ok(services)
    }

    async fn list(&self) -> Result<Vec<Service>> {
        self.command(Command::List).await?;
        sleep(LISTING).await;
        Ok(self.nodes.services(None))
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let watcher = self.nodes.watch(name);
        let watched = Arc::new(());
        let follow = Command::Follow(name.map(str::to_owned), Arc::downgrade(&watched));
        self.command(follow).await?;
        let until_dropped = move |event| {
            let _ = &watched;
            event
        };
        Ok(watcher.map(until_dropped).boxed())
    }

    fn reachable_at(&self) -> Option<IpAddr> {
        self.interfaces.address()
    }

    // On a LAN the programs of one developer are meant for each other.
    fn prefers_local(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "mdns-go"
    }

    /// Such as `mdns-go on loopback (127.0.0.1), eth0 (10.0.0.5), wlan7 (not there), domains micro and local`.
    fn describe(&self) -> String {
        let mut text = "mdns-go on loopback (127.0.0.1)".to_owned();
        let running = self.running();
        for wanted in self.interfaces.iter() {
            text.push_str(", ");
            text.push_str(wanted);
            let Some(running) = &*running else { continue };
            let ip = wanted.parse::<Ipv4Addr>();
            let is_it = |link: &&Link| link.name == *wanted || Ok(link.own) == ip;
            match running.lan.iter().find(is_it) {
                None => text.push_str(" (not there)"),
                Some(link) if ip.is_ok() => text.push_str(&format!(" ({})", link.name)),
                Some(link) => text.push_str(&format!(" ({})", link.own)),
            }
        }
        let domains = self.domains.join(" and ");
        match &*self.domains {
            [_] => format!("{text}, domain {domains}"),
            _ => format!("{text}, domains {domains}"),
        }
    }
}

impl Drop for MdnsGoRegistry {
    fn drop(&mut self) {
        let running = self.running.get_mut();
        let running = running.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running {
            commands, thread, ..
        }) = running
        {
            drop(commands);
            // A process that ends now is to have said that its nodes left. A panic of the thread has been told already.
            thread.join().ok();
        }
    }
}

fn unavailable(source: std::io::Error) -> Error {
    Error::unavailable(ID, "mDNS cannot be used on this host").with_source(source)
}

impl fmt::Debug for MdnsGoRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdnsGoRegistry")
            .field("interfaces", &self.interfaces)
            .field("domains", &self.domains)
            .finish_non_exhaustive()
    }
}

inventory::submit! {
    Backend { names: &["mdns-go"], open: |options| Ok(Arc::new(MdnsGoRegistry::new(options)?)) }
}

#[cfg(test)]
mod tests {
    use super::MdnsGoRegistry;
    use crate::registry::{Options, Registry};

    #[test]
    fn nothing_is_started_before_the_first_use() {
        let registry = MdnsGoRegistry::new(&Options::default()).unwrap();

        assert!(registry.running().is_none());
    }

    #[test]
    fn a_namespace_is_said_to_be_the_domain() {
        let options = Options {
            namespace: "blue".to_owned(),
            ..Options::default()
        };

        let registry = MdnsGoRegistry::new(&options).unwrap();

        assert_eq!(
            registry.describe(),
            "mdns-go on loopback (127.0.0.1), domain blue"
        );
    }
}
