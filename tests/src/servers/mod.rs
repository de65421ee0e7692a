//! Servers of backends, each a process of its own on loopback, with a folder of its own: what `tests/live` installs.

mod consul;
mod dns;
mod etcd;
mod nats;
mod nginx;
mod rabbitmq;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use consul::Consul;
pub use dns::Dns;
pub use etcd::Etcd;
pub use nats::Nats;
pub use nginx::Nginx;
pub use rabbitmq::RabbitMq;

/// A server answers much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(60);

/// How a kind of server is started, and asked whether it is there.
pub trait Kind: Send + Sync + 'static {
    /// What serves at its addresses, with all that it keeps in `folder`.
    fn command(&self, folder: &Path) -> Command;

    /// Where clients find it.
    fn address(&self) -> SocketAddr;

    /// True once it answers.
    fn answers(&self) -> impl Future<Output = bool> + Send;
}

/// A server that is running, or stopped for a while. Its process and its folder end with it.
pub struct Server<K: Kind> {
    kind: K,
    folder: TempDir,
    process: Option<Child>,
}

impl<K: Kind> Server<K> {
    /// Starts one, which answers.
    pub async fn start(kind: K) -> Self {
        let mut server = Self::begin(kind);
        server.answering().await;
        server
    }

    /// Starts one that answers only with others of its kind.
    pub fn begin(kind: K) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self {
            kind,
            folder,
            process: None,
        };
        server.run();
        server
    }

    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// Where clients find it, such as `127.0.0.1:40211`.
    pub fn address(&self) -> String {
        self.kind.address().to_string()
    }

    /// Waits until it answers.
    ///
    /// # Panics
    ///
    /// If it ends before, or takes a minute.
    pub async fn answering(&mut self) {
        let begun = Instant::now();
        while !self.kind.answers().await {
            let ended = self
                .process
                .as_mut()
                .and_then(|process| process.try_wait().unwrap());
            assert!(
                ended.is_none(),
                "a server ended: {ended:?}, see {}",
                self.log()
            );
            assert!(
                begun.elapsed() < SOON,
                "a server does not answer, see {}",
                self.log()
            );
            // It is another process: there is nothing to wait for but time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends it by SIGKILL.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it again, with what it had.
    pub async fn restart(&mut self) {
        self.stop();
        self.run();
        self.answering().await;
    }

    /// Starts it again, with nothing.
    pub async fn restart_empty(&mut self) {
        self.stop();
        self.folder = tempfile::tempdir().unwrap();
        self.run();
        self.answering().await;
    }

    /// Has it do nothing, as if it hung, until it is [resumed](Self::resume).
    pub fn pause(&self) {
        self.signal("STOP");
        let threads = format!("/proc/{}/task", self.process.as_ref().unwrap().id());
        let begun = Instant::now();
        // A thread that runs goes on for a moment.
        while !all_stopped(&threads) {
            assert!(begun.elapsed() < SOON, "a server does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    fn run(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = self.kind.command(self.folder.path());
        command.stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let program = command.get_program().to_owned();
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{program:?}: {error}: run tests/live"));
        self.process = Some(process);
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        log.unwrap_or_default()
    }
}

#[micro::async_trait]
impl<K: Kind> micro::conformance::Server for Server<K> {
    fn stop(&mut self) {
        self.stop();
    }

    async fn restart(&mut self) {
        self.restart().await;
    }

    async fn restart_empty(&mut self) {
        self.restart_empty().await;
    }

    fn pause(&self) {
        self.pause();
    }

    fn resume(&self) {
        self.resume();
    }
}

impl<K: Kind> Drop for Server<K> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// True if all threads of a process are stopped; one that has just ended is.
fn all_stopped(threads: &str) -> bool {
    let is_stopped = |thread: std::fs::DirEntry| {
        let status = std::fs::read_to_string(thread.path().join("status"));
        status.map_or(true, |status| status.contains("State:\tT"))
    };
    let threads = std::fs::read_dir(threads).unwrap();
    threads.map(Result::unwrap).all(is_stopped)
}

/// An address of loopback that nobody listens at, and that is given to nobody else: the system takes none of these ports
/// for connections, nor this process one twice.
pub fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let next = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let port = 20_000 + u16::try_from(next).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap();
        }
    }
}
