//! Services of real go-micro and ours in one fleet: they find and call each other, and hand each other messages.
//!
//! Needs the programs of `tests/go` and a network namespace of loopback alone; run by `tests/live`.

mod broker;
mod discovery;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use micro::broker::{HttpBroker, Options as BrokerOptions};
use micro::prelude::*;
use micro::registry::{MdnsGoRegistry, Options, Registry};
use micro::{Builder, Error, Service};
use tests::go::Go;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(20);

#[micro::message]
struct HelloRequest {
    name: String,
}

#[micro::message]
struct HelloResponse {
    greeting: String,
}

/// A registry as users have it, where go-micro's programs speak.
fn registry() -> MdnsGoRegistry {
    let mut route = Command::new("ip");
    route.args(["route", "get", "224.0.0.251"]);
    let route = route.output().expect("iproute2 is needed");
    let route = String::from_utf8(route.stdout).unwrap();
    assert!(
        route.contains(" dev lo "),
        "multicast would leave this host: run tests/live"
    );
    MdnsGoRegistry::new(&Options::default()).unwrap()
}

/// A name that no other test uses.
fn unique(name: &str) -> &'static str {
    let id = micro::id::random();
    Box::leak(format!("{name}-{}", &id[..8]).into_boxed_str())
}

/// How subscribers of that generation are found.
fn scheme(go: Go) -> &'static str {
    match go {
        Go::V1 => "v1.18",
        Go::V5 => "v2",
    }
}

/// A service of ours that speaks as that generation does.
async fn builder(name: &'static str, go: Go) -> Builder {
    let registry = registry();
    let mut options = BrokerOptions::default();
    options.schemes = vec![scheme(go).parse().unwrap()];
    options.registry = Some(Arc::new(self::registry()));
    Service::builder(name)
        .registry(registry)
        .broker(HttpBroker::new(&options).unwrap())
        .linger(Duration::ZERO)
}

/// `greeter` of ours, under another name.
async fn greeter(name: &'static str, go: Go) -> Service {
    let hello = unary(async |_: Context, request: HelloRequest| {
        let greeting = format!("Hello {}", request.name);
        Ok::<_, Error>(HelloResponse { greeting })
    });
    let service = builder(name, go).await.version("1.2.3").build().await;
    service.unwrap().endpoint("Greeter.Hello", hello)
}

macro_rules! with_every_generation {
    ($($fact:ident)*) => {
        mod v1 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $fact() {
                super::$fact(tests::go::Go::V1).await;
            })*
        }

        mod v5 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $fact() {
                super::$fact(tests::go::Go::V5).await;
            })*
        }
    };
}
pub(crate) use with_every_generation;

/// The names of the services listed there.
async fn listed(registry: &dyn Registry) -> Vec<String> {
    let listed = registry.list().await.unwrap();
    listed.into_iter().map(|service| service.name).collect()
}
