//! What the tests of the public face stand on.

mod alone;
pub mod go;
pub mod greeter;
#[cfg(feature = "live")]
pub mod servers;

use std::sync::{Arc, Mutex};

use micro::broker::MemoryBroker;
use micro::prelude::*;
use micro::registry::{Candidate, MemoryRegistry, Snapshot};
use micro::selector::Selector;
use micro::transport::{HttpTransport, MemoryTransport};
use micro::{Builder, Error, Running, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub use alone::{alone, sockets};

/// Components that the services of one test share.
#[derive(Clone, Default)]
pub struct System {
    pub registry: MemoryRegistry,
    pub transport: MemoryTransport,
    pub broker: MemoryBroker,
}

impl System {
    /// A service of that name on these components, that stops without lingering.
    pub fn builder(&self, name: &'static str) -> Builder {
        Service::builder(name)
            .registry(self.registry.clone())
            .transport(self.transport.clone())
            .broker(self.broker.clone())
            .linger(Duration::ZERO)
    }

    /// The same, put together.
    pub async fn service(&self, name: &'static str) -> Service {
        self.builder(name).build().await.unwrap()
    }

    /// A node of `greeter` that answers with its own name.
    pub async fn greeter(&self, node: &'static str) -> Running {
        let hello = unary(move |_: Context, name: Plain<String>| async move {
            Ok::<_, Error>(Plain(format!("Hello {} from {node}", name.0)))
        });
        let service = self.builder("greeter").id(node).build().await.unwrap();
        service
            .endpoint("Greeter.Hello", hello)
            .start()
            .await
            .unwrap()
    }
}

/// Chooses the first node, and takes down the addresses of those that are passed over.
#[derive(Clone, Debug, Default)]
pub struct PassedOver(Arc<Mutex<Vec<String>>>);

impl PassedOver {
    /// The addresses, as often as they were seen.
    pub fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Selector for PassedOver {
    fn select<'a>(
        &self,
        snapshot: &'a Snapshot,
        allowed: &dyn Fn(&Candidate) -> bool,
    ) -> Option<&'a Arc<Candidate>> {
        let ejected = snapshot.candidates.iter().filter(|one| one.is_ejected());
        let ejected = ejected.map(|one| one.node.address.clone());
        self.0.lock().unwrap().extend(ejected);
        snapshot.candidates.iter().find(|one| allowed(one))
    }

    fn name(&self) -> &'static str {
        "passed-over"
    }
}

/// A service that answers over HTTP on a port of its own, and stops without lingering.
pub fn over_http(name: &'static str) -> Builder {
    System::default()
        .builder(name)
        .transport(HttpTransport::default())
}

/// What an HTTP server answers at `address` to a GET of `path`, head and all.
pub async fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
