//! Whom go-micro's mDNS reaches, and who reaches it: it asks on the interface of the default route.

use std::io::{Read, stdin};

use micro::registry::{MdnsGoRegistry, Node, Options, Registry, Service};
use tests::go::{Go, Peer, run};

use super::host::{Host, Link};

fn registry() -> MdnsGoRegistry {
    let mut options = Options::default();
    let interfaces = std::env::var("INTERFACES").unwrap_or_default();
    let interfaces = interfaces.split(',').filter(|one| !one.is_empty());
    options.addresses = interfaces.map(str::to_owned).collect();
    MdnsGoRegistry::new(&options).unwrap()
}

/// Not a test by itself: announces a node that others reach, and one that they do not, until its input ends.
#[tokio::test]
async fn announce_two_nodes() {
    if std::env::var("FLEET").is_err() {
        return;
    }
    let node = |id: &str, address: &str| Node {
        id: id.to_owned(),
        address: address.to_owned(),
        ..Node::default()
    };
    let service = Service {
        name: "greeter".to_owned(),
        version: "1".to_owned(),
        nodes: vec![node("near", "127.0.0.1:8080"), node("far", "10.9.9.1:8080")],
        ..Service::default()
    };
    let registry = registry();
    registry.register(&service, None).await.unwrap();
    println!("\nannounced ");
    stdin().read_to_end(&mut Vec::new()).unwrap();
    registry.deregister(&service).await.unwrap();
}

/// Not a test by itself: says which nodes it finds.
#[tokio::test]
async fn find_nodes() {
    if std::env::var("FLEET").is_err() {
        return;
    }
    let found = registry().get("greeter").await.unwrap_or_default();
    let nodes = found.iter().flat_map(|service| &service.nodes);
    let ids: Vec<_> = nodes.map(|node| &*node.id).collect();
    println!("\nfound {}", ids.join(" "));
}

/// Two hosts on one LAN, which is where the default route of both goes.
fn lan() -> (Host, Host, Link) {
    let (here, there) = (Host::new(), Host::new());
    let link = Link::between(&here, &there);
    for host in [&here, &there] {
        host.ip(&["route", "add", "default", "dev", "lan"]);
    }
    (here, there, link)
}

const ANNOUNCE: &str = "go_micro::announce_two_nodes";

/// The ids of the nodes that a program of go-micro finds.
fn found_by(go: Go, host: &Host) -> Vec<String> {
    let get = ["get", "-registry", "mdns", "-service", "greeter"];
    let services = run(&mut host.go(go, &get));
    let services = services.as_array().cloned().unwrap_or_default();
    let nodes = services.iter().flat_map(|service| {
        let nodes = service["nodes"].as_array().cloned();
        nodes.unwrap_or_default()
    });
    let ids = nodes.map(|node| node["id"].as_str().unwrap().to_owned());
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids
}

#[test]
fn go_micro_finds_what_names_no_interface_on_its_own_host_alone() {
    let (here, there, _link) = lan();

    let _nodes = here.start(ANNOUNCE, "", "announced ");

    for go in Go::ALL {
        assert_eq!(found_by(go, &here), ["far", "near"], "{go:?}");
        assert_eq!(found_by(go, &there), Vec::<String>::new(), "{go:?}");
    }
}

#[test]
fn go_micro_finds_what_others_reach_of_another_host() {
    let (here, there, _link) = lan();

    let _nodes = here.start(ANNOUNCE, "lan", "announced ");

    for go in Go::ALL {
        assert_eq!(found_by(go, &there), ["far"], "{go:?}");
        assert_eq!(found_by(go, &here), ["far", "near"], "{go:?}");
    }
}

#[test]
fn a_service_of_go_micro_on_another_host_is_found_if_it_is_asked_for_there() {
    for go in Go::ALL {
        let (here, there, _link) = lan();
        let serve = [
            "server",
            "-registry",
            "mdns",
            "-address",
            "10.9.9.2:0",
            "-id",
            "go",
        ];
        let _server = Peer::start(&mut there.go(go, &serve));

        let find = |host: &Host, interfaces| {
            let found = host.start("go_micro::find_nodes", interfaces, "found ");
            found.said.trim().to_owned()
        };

        assert_eq!(find(&here, "lan"), "greeter-go", "{go:?}");
        assert_eq!(find(&here, ""), "", "{go:?}");
        assert_eq!(find(&there, ""), "greeter-go", "{go:?}");
    }
}
