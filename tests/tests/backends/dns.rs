//! The registry in DNS, on a server whose names change.

use std::sync::Arc;

use futures_util::StreamExt as _;
use micro::prelude::*;
use micro::registry::{Action, Cache, DnsRegistry, Event, Options, Registry, Watcher};
use micro::{Error, Running};
use tests::servers::{Dns, Server};
use tests::{System, over_http};
use tokio::time::timeout;

use crate::fleet::SOON;

fn registry(server: &Server<Dns>, rest: &str) -> DnsRegistry {
    opened(&[format!("dns://{}/fleet.example{rest}", server.address())])
}

fn opened(addresses: &[String]) -> DnsRegistry {
    let mut options = Options::default();
    options.addresses = addresses.to_vec();
    DnsRegistry::new(&options).unwrap()
}

async fn addresses(registry: &DnsRegistry) -> Vec<String> {
    let services = match registry.get("greeter").await {
        Err(error) if error.code() == 404 => Vec::new(),
        services => services.unwrap(),
    };
    let nodes = services.into_iter().flat_map(|service| service.nodes);
    nodes.map(|node| node.address).collect()
}

/// Waits until the server has read what it was told to say.
async fn says(server: &Server<Dns>, registry: &DnsRegistry, hosts: &str, count: usize) {
    server.says(hosts);
    let read = async { while addresses(registry).await.len() != count {} };
    timeout(SOON, read).await.expect("it does not say so");
}

async fn next(events: &mut Watcher) -> Event {
    let event = timeout(SOON, events.next()).await.expect("nothing changed");
    event.unwrap().unwrap()
}

#[tokio::test]
async fn the_addresses_of_a_name_are_nodes_at_the_port_that_is_given() {
    let server = Server::start(Dns::empty()).await;
    let registry = registry(&server, "?port=8080");

    let hosts = "10.0.0.1 greeter.fleet.example\n10.0.0.2 greeter.fleet.example\n";
    says(&server, &registry, hosts, 2).await;

    let found = addresses(&registry).await;
    assert_eq!(found, ["10.0.0.1:8080", "10.0.0.2:8080"]);
}

#[tokio::test]
async fn a_node_with_addresses_of_both_kinds_is_one_node() {
    let server = Server::start(Dns::empty()).await;
    let registry = registry(&server, "?port=8080");

    let hosts = "10.0.0.1 greeter.fleet.example\nfd00::1 greeter.fleet.example\n";
    says(&server, &registry, hosts, 1).await;

    assert_eq!(addresses(&registry).await, ["10.0.0.1:8080"]);
}

#[tokio::test]
async fn nodes_may_have_ipv6_alone() {
    let server = Server::start(Dns::empty()).await;
    let registry = registry(&server, "?port=8080");

    says(&server, &registry, "fd00::1 greeter.fleet.example\n", 1).await;

    assert_eq!(addresses(&registry).await, ["[fd00::1]:8080"]);
}

#[tokio::test]
async fn addresses_without_a_port_are_an_error_that_says_what_to_write() {
    let server = Server::start(Dns::empty()).await;
    says(
        &server,
        &registry(&server, "?port=1"),
        "10.0.0.1 greeter.fleet.example\n",
        1,
    )
    .await;

    let error = registry(&server, "").get("greeter").await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(error.detail().contains("?port=8080"), "{error}");
}

#[tokio::test]
async fn services_that_srv_records_name_have_the_ports_of_those() {
    let dns = Dns::empty()
        .srv("_greeter._tcp.fleet.example,one.fleet.example,8001,1")
        .srv("_greeter._tcp.fleet.example,two.fleet.example,8002,1")
        .srv("_greeter._tcp.fleet.example,spare.fleet.example,8003,2");
    let server = Server::start(dns).await;
    let registry = registry(&server, "?port=1");

    let hosts = "10.0.0.1 one.fleet.example\n10.0.0.2 two.fleet.example\n10.0.0.3 spare.fleet.example\n10.0.0.4 greeter.fleet.example\n";
    says(&server, &registry, hosts, 2).await;

    let found = addresses(&registry).await;
    assert_eq!(found, ["10.0.0.1:8001", "10.0.0.2:8002"]);
}

#[tokio::test]
async fn srv_records_may_be_of_the_name_itself() {
    let dns = Dns::empty().srv("greeter.fleet.example,one.fleet.example,8001");
    let server = Server::start(dns).await;
    let registry = registry(&server, "");

    says(&server, &registry, "10.0.0.1 one.fleet.example\n", 1).await;

    assert_eq!(addresses(&registry).await, ["10.0.0.1:8001"]);
}

#[tokio::test]
async fn srv_records_of_the_name_itself_are_left_out_where_a_port_is_given() {
    let dns = Dns::empty().srv("greeter.fleet.example,one.fleet.example,9090");
    let server = Server::start(dns).await;
    let registry = registry(&server, "?port=8080");

    let hosts = "10.0.0.1 one.fleet.example\n10.0.0.1 greeter.fleet.example\n";
    says(&server, &registry, hosts, 1).await;

    assert_eq!(addresses(&registry).await, ["10.0.0.1:8080"]);
}

#[tokio::test]
async fn more_nodes_than_a_packet_holds_are_all_found() {
    let server = Server::start(Dns::empty()).await;
    let registry = registry(&server, "?port=8080");
    let hosts: String = (1..=200)
        .map(|number| format!("10.0.0.{number} greeter.fleet.example\n"))
        .collect();

    says(&server, &registry, &hosts, 200).await;

    assert_eq!(addresses(&registry).await.len(), 200);
}

#[tokio::test]
async fn watchers_see_nodes_come_and_go() {
    let server = Server::start(Dns::empty()).await;
    let registry = registry(&server, "?port=8080");
    says(&server, &registry, "10.0.0.1 greeter.fleet.example\n", 1).await;
    let mut events = registry.watch(Some("greeter")).await.unwrap();

    server.says("10.0.0.2 greeter.fleet.example\n");
    let (first, second) = (next(&mut events).await, next(&mut events).await);

    let seen = [first, second].map(|event| {
        let address = event.service.nodes[0].address.clone();
        (event.action, address)
    });
    let due = [
        (Action::Create, "10.0.0.2:8080".to_owned()),
        (Action::Delete, "10.0.0.1:8080".to_owned()),
    ];
    assert_eq!(seen, due);
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_is_away_or_cannot_tell() {
    let mut away = Server::start(Dns::empty()).await;
    let elsewhere = Server::start(Dns::empty().elsewhere()).await;
    let server = Server::start(Dns::empty()).await;
    let registry = opened(&[
        format!("dns://{}/fleet.example?port=8080", away.address()),
        elsewhere.address(),
        server.address(),
    ]);
    away.stop();

    says(&server, &registry, "10.0.0.1 greeter.fleet.example\n", 1).await;

    assert_eq!(addresses(&registry).await, ["10.0.0.1:8080"]);
}

#[tokio::test]
async fn a_server_that_cannot_tell_is_unavailable_and_never_not_found() {
    let server = Server::start(Dns::empty().elsewhere()).await;

    let error = registry(&server, "").get("greeter").await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.detail().contains("Refused"), "{error}");
}

async fn greeter() -> Running {
    let hello = unary(|_: Context, name: Plain<String>| async move {
        Ok::<_, Error>(Plain(format!("Hello {}", name.0)))
    });
    let service = over_http("greeter").build().await.unwrap();
    let service = service.endpoint("Greeter.Hello", hello);
    service.start().await.unwrap()
}

#[tokio::test]
async fn a_service_in_dns_is_called_and_goes_on_being_called_while_the_server_is_away() {
    let greeter = greeter().await;
    let (host, port) = greeter.address().rsplit_once(':').unwrap();
    let mut server = Server::start(Dns::empty()).await;
    let registry = registry(&server, &format!("?port={port}"));
    says(
        &server,
        &registry,
        &format!("{host} greeter.fleet.example\n"),
        1,
    )
    .await;
    let cache = Cache::new(Arc::new(registry.clone()));
    let caller = System::default().builder("caller").registry(registry);
    let caller = caller
        .transport(micro::transport::HttpTransport::default())
        .build()
        .await
        .unwrap();
    let name = Plain("ann".to_owned());
    let call = async || {
        let client = caller.client();
        client
            .call::<_, Plain<String>>("greeter", "Greeter.Hello", &name)
            .await
    };
    cache.snapshot("greeter", SOON).await.unwrap();
    call().await.unwrap();

    server.stop();
    // Until its names have expired, and been asked for in vain.
    let noticed = async {
        while cache.age("greeter").is_none_or(|age| age.is_zero()) {
            call().await.unwrap();
        }
    };
    timeout(SOON, noticed).await.expect("nobody notices");

    assert_eq!(call().await.unwrap().0, "Hello ann");
}
