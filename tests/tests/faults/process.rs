//! A node in a process of its own, and what it says that it ran.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write, stdin};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use micro::Error;
use micro::prelude::*;
use micro::registry::{Action, MdnsRegistry, Options, Registry, Watcher};
use micro::transport::HttpTransport;
use micro::{Builder, Client, Service};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The endpoint that may run twice, and the one that may not.
pub(crate) const LOOK: &str = "Shop.Look";
pub(crate) const BUY: &str = "Shop.Buy";

fn registry(namespace: &str) -> MdnsRegistry {
    let mut options = Options::default();
    options.namespace = namespace.to_owned();
    MdnsRegistry::new(&options).unwrap()
}

/// A service of that name in `namespace`, on the default components or on HTTP alone.
fn builder(name: &'static str, namespace: &str, http: bool) -> Builder {
    let builder = Service::builder(name).registry(registry(namespace));
    if http {
        builder.transport(HttpTransport::default())
    } else {
        builder
    }
}

/// Nodes of `shop` on this host, and what they ran.
pub(crate) struct Shop {
    namespace: String,
    directory: PathBuf,
    /// Spoken is HTTP alone.
    http: bool,
    events: Watcher,
    _registry: MdnsRegistry,
}

impl Shop {
    pub(crate) async fn new(http: bool) -> Self {
        let namespace = micro::id::random();
        let directory = std::env::temp_dir().join(format!("micro-{namespace}"));
        fs::create_dir(&directory).unwrap();
        let registry = registry(&namespace);
        Self {
            events: registry.watch(Some("shop")).await.unwrap(),
            _registry: registry,
            namespace,
            directory,
            http,
        }
    }

    /// What calls the nodes.
    pub(crate) async fn client(&self) -> Client {
        let builder = builder("client", &self.namespace, self.http);
        builder.build().await.unwrap().client().clone()
    }

    /// A node that has announced itself.
    pub(crate) async fn node(&mut self) -> Process {
        let id = micro::id::random();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            "process::serve_in_a_process_of_its_own",
            "--nocapture",
        ]);
        let child = command
            .env("SHOP_NAMESPACE", &self.namespace)
            .env("SHOP_RUNS", self.directory.join(&id))
            .env("SHOP_ID", &id)
            .env("SHOP_HTTP", self.http.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let address = self.sees(Action::Create, &id).await;
        Process { id, address, child }
    }

    /// Waits until that has happened to the node with this id; says where the node is.
    async fn sees(&mut self, action: Action, id: &str) -> String {
        let seen = async {
            loop {
                let event = self.events.next().await.unwrap().unwrap();
                let mut nodes = event.service.nodes.into_iter();
                let node = nodes.find(|node| node.id.ends_with(id));
                if let Some(node) = node.filter(|_| event.action == action) {
                    return node.address;
                }
            }
        };
        timeout(SOON, seen).await.expect("nothing happened")
    }

    /// The ids of the calls that handlers ran, each as often as it ran, in order.
    pub(crate) fn runs(&self) -> Vec<u64> {
        let files = fs::read_dir(&self.directory).unwrap();
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        let mut runs: Vec<u64> = texts
            .flat_map(|text| {
                text.lines()
                    .map(|id| id.parse().unwrap())
                    .collect::<Vec<_>>()
            })
            .collect();
        runs.sort_unstable();
        runs
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.directory).ok();
    }
}

/// Killed when it is dropped.
pub(crate) struct Process {
    pub(crate) id: String,
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "the long run asks"))]
    pub(crate) address: String,
    child: Child,
}

impl Process {
    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`; it takes its node back and ends well.
    pub(crate) async fn terminate(mut self, shop: &mut Shop) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.unwrap().success());
        shop.sees(Action::Delete, &self.id).await;
        let ended = tokio::task::spawn_blocking(move || {
            // Waiting closes the input, by which the process would end itself.
            let input = self.child.stdin.take();
            let status = self.child.wait().unwrap();
            drop(input);
            status
        });
        let ended = timeout(SOON, ended).await.expect("it does not end");
        assert!(ended.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Not a test by itself: what a [`Process`] runs.
#[tokio::test]
async fn serve_in_a_process_of_its_own() {
    let Ok(namespace) = std::env::var("SHOP_NAMESPACE") else {
        return;
    };
    std::thread::spawn(|| {
        // The end of the input says that the parent is gone.
        stdin().read_to_end(&mut Vec::new()).ok();
        std::process::exit(1);
    });
    let mut options = OpenOptions::new();
    let runs = options.create(true).append(true);
    let runs = runs.open(std::env::var("SHOP_RUNS").unwrap()).unwrap();
    let id = std::env::var("SHOP_ID").unwrap();
    let node = id.clone();
    let sell = move |_: Context, call: Plain<u64>| {
        // One write, so that a kill leaves no half of it.
        let line = format!("{}\n", call.0);
        (&runs).write_all(line.as_bytes()).unwrap();
        let node = Plain(node.clone());
        async move {
            // So that some calls are under way when a process ends.
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, Error>(node)
        }
    };
    let sell = Arc::new(sell);
    let look = Arc::clone(&sell);
    let http = std::env::var("SHOP_HTTP").is_ok_and(|value| value == "true");
    let builder = builder("shop", &namespace, http)
        .id(id)
        .linger(Duration::from_secs(1));
    let service = builder.build().await.unwrap();
    let service = service
        .endpoint(LOOK, unary(move |ctx, call| look(ctx, call)).idempotent())
        .endpoint(BUY, unary(move |ctx, call| sell(ctx, call)));
    service.run().await.unwrap();
}
