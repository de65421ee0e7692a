//! What calls through a registry, whatever its server goes through.

use std::time::Duration;

use futures_util::StreamExt as _;
use micro::prelude::*;
use micro::registry::{Node, Registry, Watcher};
use micro::{Error, Running, Service, registry};
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
pub const SOON: Duration = Duration::from_secs(30);

/// How often nodes renew their registration.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

#[micro::message]
pub struct HelloRequest {
    pub name: String,
}

#[micro::message]
pub struct HelloResponse {
    pub greeting: String,
}

/// A service that finds others by `registry`.
pub async fn service(name: &'static str, registry: impl Registry + 'static) -> Service {
    let service = Service::builder(name)
        .registry(registry)
        .register_interval(HEARTBEAT)
        .linger(Duration::ZERO);
    service.build().await.unwrap()
}

/// A node of `greeter`.
pub async fn greeter(registry: impl Registry + 'static) -> Running {
    let hello = unary(async |_: Context, request: HelloRequest| {
        let greeting = format!("Hello {}", request.name);
        Ok::<_, Error>(HelloResponse { greeting })
    });
    let service = service("greeter", registry).await;
    service
        .endpoint("Greeter.Hello", hello)
        .start()
        .await
        .unwrap()
}

/// Who calls the nodes of `greeter`.
pub struct Caller(Service);

impl Caller {
    pub async fn new(registry: impl Registry + 'static) -> Self {
        Self(service("caller", registry).await)
    }

    pub async fn hello(&self) -> Result<String, Error> {
        let request = HelloRequest {
            name: "Ann".to_owned(),
        };
        let call = self.0.client().call("greeter", "Greeter.Hello", &request);
        let reply: HelloResponse = call.timeout(SOON).await?;
        Ok(reply.greeting)
    }

    /// Calls for so long, every 100 ms; how often that was.
    ///
    /// # Panics
    ///
    /// If a call fails.
    pub async fn hello_for(&self, time: Duration) -> usize {
        let mut every = tokio::time::interval(Duration::from_millis(100));
        let calls = usize::try_from(time.as_millis() / 100).unwrap();
        for _ in 0..calls {
            every.tick().await;
            assert_eq!(self.hello().await.unwrap(), "Hello Ann");
        }
        calls
    }
}

/// Waits until `registry` has so many nodes of `greeter`; watches it anew whenever its watch ends.
///
/// # Panics
///
/// If it never has.
pub async fn wait_for(registry: &dyn Registry, nodes: usize) {
    let has = async || {
        let services = registry.get("greeter").await.unwrap_or_default();
        let found: usize = services.iter().map(|service| service.nodes.len()).sum();
        found == nodes
    };
    let waited = async {
        loop {
            let Ok(mut events) = registry.watch(Some("greeter")).await else {
                // It is away: there is nothing to wait for but time.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            while !has().await {
                if !matches!(events.next().await, Some(Ok(_))) {
                    break;
                }
            }
            if has().await {
                return;
            }
        }
    };
    timeout(SOON, waited).await.expect("they never came");
}

/// The end of what `events` tells.
pub async fn end(events: &mut Watcher) {
    let ended = async { while let Some(Ok(_)) = events.next().await {} };
    timeout(SOON, ended).await.expect("the watch goes on");
}

/// The memory of this process, in KiB.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A node that nobody calls.
fn node(service: &str, number: usize) -> Node {
    Node {
        id: format!("{service}-{number}"),
        address: format!("10.0.{}.{}:8080", number / 256, number % 256),
        ..Node::default()
    }
}

/// The record of so many such nodes.
pub fn record(name: &str, nodes: usize) -> registry::Service {
    registry::Service {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        nodes: (0..nodes).map(|number| node(name, number)).collect(),
        ..registry::Service::default()
    }
}
