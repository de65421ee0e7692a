//! Nodes on this host, and on the LAN if asked, without a server: DNS-SD over multicast DNS.
//!
//! One record of type `_micro._tcp.local.` for each node: its form is in `text`. Nodes of this process are announced by
//! the thread in `announce`, those of others are heard by the thread in `listen`, and all are held in `nodes`.

mod announce;
mod ask;
#[cfg(fuzzing)]
pub(crate) mod fuzz;
mod interfaces;
mod listen;
mod nodes;
mod text;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use mdns_sd::{IfKind, ServiceDaemon};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::announce::{Announcer, LIFE, Own};
use self::ask::{ANSWERS, ask};
use self::interfaces::Interfaces;
use self::listen::Listener;
use self::nodes::Nodes;
use super::interfaces::is_loopback_address;
use super::{Backend, Options, Registry, Service, Watcher};
use crate::error::{Error, Result};

const ID: &str = "micro.registry.mdns";

/// The service type of all records: mDNS allows 15 characters, too few for the services' own names.
const TYPE: &str = "_micro._tcp.local.";

/// How large a TXT record may be. On loopback: what fits in the largest packet of 8,972 bytes. On a LAN: what fits in one
/// Ethernet frame, since multicast in fragments is often lost.
const ROOM: (usize, usize) = (8600, 1200);

/// How long the daemon may take to say whether it can listen.
const HEARS: Duration = Duration::from_millis(1500);

/// How often, and after which pause, a command is tried again that the mDNS daemon had no room for.
const TRIES: (u32, Duration) = (100, Duration::from_millis(10));

/// A registry that needs no server: processes on one host find each other over multicast DNS on loopback.
///
/// [`Options::addresses`] names further interfaces, by name or address, so that other hosts are found, too; a node
/// whose address is on loopback stays on loopback. Nodes of other [namespaces](Options::namespace) are invisible.
///
/// A node that is deregistered is gone at once, and one whose process is killed after 10 s: the process announces
/// each node every 4 s, from a thread of its own. One that comes back within a second of leaving, under the same id, may
/// be found another second later only. A record that does not fit in a packet lacks endpoints or their types,
/// and says so in [`PARTIAL`](super::PARTIAL). Up to 1,024 nodes are remembered.
///
/// Nothing is started, and no socket opened, before the first use. Dropping it takes its nodes back.
///
/// ```
/// use micro::registry::{MdnsRegistry, Options, Registry};
///
/// let registry = MdnsRegistry::new(&Options::default())?;
///
/// assert_eq!(registry.describe(), "mdns on loopback (127.0.0.1)");
/// # Ok::<(), micro::Error>(())
/// ```
pub struct MdnsRegistry {
    namespace: Arc<str>,
    interfaces: Arc<Interfaces>,
    nodes: Arc<Nodes>,
    /// Whether there is an interface to listen on; nothing before the daemon said so.
    hears: watch::Sender<Option<bool>>,
    stop: CancellationToken,
    running: Mutex<Running>,
}

/// What has been started.
#[derive(Default)]
struct Running {
    daemon: Option<ServiceDaemon>,
    announcing: Option<Announcing>,
    listening: Option<Instant>,
    has_asked_lan: bool,
}

#[derive(Clone)]
struct Announcing {
    announcer: Arc<Announcer>,
    /// Wakes the thread; dropping the last one ends it.
    wake: mpsc::Sender<()>,
}

impl MdnsRegistry {
    /// A registry on loopback and the interfaces in [`Options::addresses`]. Starts nothing.
    ///
    /// # Errors
    ///
    /// `bad_request` if the namespace is over 100 bytes.
    pub fn new(options: &Options) -> Result<Self> {
        if options.namespace.len() > 100 {
            let detail = "the registry's namespace is too long for mDNS: at most 100 bytes";
            return Err(Error::bad_request(ID, detail));
        }
        Ok(Self {
            namespace: options.namespace.as_str().into(),
            interfaces: Arc::new(Interfaces::new(&options.addresses)),
            nodes: Arc::default(),
            hears: watch::Sender::default(),
            stop: CancellationToken::new(),
            running: Mutex::default(),
        })
    }

    /// The thread that announces, started if it was not.
    fn announcing(&self) -> Result<Announcing> {
        let mut running = self.running();
        if let Some(announcing) = &running.announcing {
            return Ok(announcing.clone());
        }
        let daemon = self.daemon(&mut running).map_err(unavailable)?;
        let announcer = Arc::new(Announcer::new(daemon, Arc::clone(&self.nodes)));
        let (wake, woken) = mpsc::channel();
        let beating = Arc::clone(&announcer);
        let thread = thread::Builder::new().name("micro-mdns-beat".to_owned());
        let started = thread.spawn(move || beating.run(&woken));
        started.map_err(|error| unavailable(error).within("no thread"))?;
        let announcing = Announcing { announcer, wake };
        Ok(running.announcing.insert(announcing).clone())
    }

    /// Starts the thread that listens, if it was not; says since when it does.
    async fn listen(&self) -> Result<Instant> {
        let since = patiently(|| self.try_to_listen()).await?;
        let mut hears = self.hears.subscribe();
        let said = timeout(HEARS, hears.wait_for(Option::is_some)).await;
        if said.is_ok_and(|hears| hears.is_ok_and(|hears| *hears == Some(false))) {
            let on = self.interfaces.describe();
            let detail = format!(
                "no interface can be used for mDNS, UDP port 5353, of {on}: is another program holding the port?"
            );
            return Err(Error::unavailable(ID, detail));
        }
        // Which they are is known once the daemon has looked.
        if !std::mem::replace(&mut self.running().has_asked_lan, true) {
            for address in self.interfaces.lan() {
                self.ask_from(address).map_err(unavailable)?;
            }
        }
        Ok(since)
    }

    fn try_to_listen(&self) -> mdns_sd::Result<Instant> {
        let mut running = self.running();
        if let Some(since) = running.listening {
            return Ok(since);
        }
        let daemon = self.daemon(&mut running)?;
        let events = daemon.browse(TYPE)?;
        let listener = Listener {
            nodes: Arc::clone(&self.nodes),
            namespace: Arc::clone(&self.namespace),
            hears: self.hears.clone(),
            stop: self.stop.clone(),
        };
        let thread = thread::Builder::new().name("micro-mdns-hear".to_owned());
        thread
            .spawn(move || listener.run(&daemon, events))
            .map_err(|error| mdns_sd::Error::Msg(format!("no thread: {error}")))?;
        self.ask_from(Ipv4Addr::LOCALHOST)
            .map_err(|error| mdns_sd::Error::Msg(format!("no thread: {error}")))?;
        let since = Instant::now();
        running.listening = Some(since);
        Ok(since)
    }

    /// Asks who is there by a thread that ends by itself.
    fn ask_from(&self, address: Ipv4Addr) -> std::io::Result<()> {
        let (nodes, namespace) = (Arc::clone(&self.nodes), Arc::clone(&self.namespace));
        let thread = thread::Builder::new().name("micro-mdns-ask".to_owned());
        let asked = thread.spawn(move || {
            if let Err(error) = ask(address, &nodes, &namespace) {
                tracing::debug!(%address, %error, "the daemon alone asks for nodes");
            }
        });
        asked.map(drop)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // It is whole after any panic: each part is put in last.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn daemon(&self, running: &mut Running) -> mdns_sd::Result<ServiceDaemon> {
        if let Some(daemon) = &running.daemon {
            return Ok(daemon.clone());
        }
        // One that is not there may come up later; until then nothing is said or heard on it.
        self.interfaces.wanted().warn_of_missing();
        let daemon = ServiceDaemon::new()?;
        daemon.disable_interface(IfKind::All)?;
        daemon.enable_interface(self.interfaces.selection())?;
        if self.interfaces.are_loopback_only() {
            // Loopback does not change; there is nothing to look for every 5 s.
            daemon.set_ip_check_interval(0)?;
        }
        Ok(running.daemon.insert(daemon).clone())
    }
}

#[async_trait]
impl Registry for MdnsRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        for node in &service.nodes {
            let is_local =
                self.interfaces.are_loopback_only() || is_loopback_address(&node.address);
            let room = if is_local { ROOM.0 } else { ROOM.1 };
            let properties = text::write(service, node, &self.namespace, LIFE, room)?;
            let service = Service {
                nodes: vec![node.clone()],
                ..service.clone()
            };
            let instance = announce::instance(&self.namespace, &service.name, &node.id);
            let announcing = self.announcing()?;
            patiently(|| {
                let own = Own::new(service.clone(), properties.clone(), is_local, ttl);
                announcing.announcer.announce(&instance, own)
            })
            .await?;
            // It fails if the thread has ended, which it does when this is dropped.
            announcing.wake.send(()).ok();
        }
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        let announcing = self.running().announcing.clone();
        let Some(Announcing { announcer, .. }) = announcing else {
            return Ok(());
        };
        for node in &service.nodes {
            let instance = announce::instance(&self.namespace, &service.name, &node.id);
            let withdrawn = patiently(|| announcer.withdraw(&instance)).await?;
            // A process that ends now is to have said that its node left.
            let mut tries = 0;
            while withdrawn
                .as_ref()
                .is_some_and(|done| done.is_empty() && !done.is_disconnected())
                && tries < TRIES.0
            {
                sleep(TRIES.1).await;
                tries += 1;
            }
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        self.listen().await?;
        let services = self.nodes.services(Some(name));
        if services.is_empty() {
            let detail = format!(
                "no node announced itself as `{name}` on {}",
                self.describe()
            );
            return Err(Error::not_found(ID, detail));
        }
        Ok(services)
    }

    async fn list(&self) -> Result<Vec<Service>> {
        let since = self.listen().await?;
        sleep_until(since + ANSWERS).await;
        Ok(self.nodes.services(None))
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let watcher = self.nodes.watch(name);
        self.listen().await?;
        Ok(watcher)
    }

    fn reachable_at(&self) -> Option<IpAddr> {
        self.interfaces.wanted().address()
    }

    // On a LAN the programs of one developer are meant for each other.
    fn prefers_local(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "mdns"
    }

    fn describe(&self) -> String {
        let on = self.interfaces.describe();
        if self.namespace.is_empty() {
            return format!("mdns on {on}");
        }
        format!("mdns on {on}, namespace {}", self.namespace)
    }
}

impl Drop for MdnsRegistry {
    fn drop(&mut self) {
        // Before the daemon is told, so that its end is not taken for a channel that overflowed.
        self.stop.cancel();
        let running = self
            .running
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(daemon) = running.daemon.take() else {
            return;
        };
        for _ in 0..TRIES.0 {
            match daemon.shutdown() {
                Err(mdns_sd::Error::Again) => thread::sleep(TRIES.1),
                _ => return,
            }
        }
    }
}

/// Tries again while the daemon has no room for the command.
async fn patiently<T>(mut command: impl FnMut() -> mdns_sd::Result<T> + Send) -> Result<T> {
    let mut tries = 0;
    loop {
        match command() {
            Err(mdns_sd::Error::Again) if tries < TRIES.0 => tries += 1,
            result => return result.map_err(unavailable),
        }
        sleep(TRIES.1).await;
    }
}

fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable(ID, "mDNS cannot be used on this host").with_source(source)
}

impl fmt::Debug for MdnsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdnsRegistry")
            .field("interfaces", &self.interfaces)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

inventory::submit! {
    Backend { names: &["mdns"], open: |options| Ok(Arc::new(MdnsRegistry::new(options)?)) }
}

#[cfg(test)]
mod tests {
    use super::MdnsRegistry;
    use crate::registry::Options;

    #[test]
    fn nothing_is_started_before_the_first_use() {
        let registry = MdnsRegistry::new(&Options::default()).unwrap();

        assert!(registry.running.lock().unwrap().daemon.is_none());
    }
}
