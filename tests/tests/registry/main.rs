//! What registries promise beyond the contract that all of them keep.

mod fixed;
mod mdns_go;
mod memory;
mod multi;

use micro::registry::{Endpoint, Node, Service};

fn greeter(nodes: &[&str]) -> Service {
    let node = |id: &&str| Node {
        id: (*id).to_owned(),
        address: "127.0.0.1:8080".to_owned(),
        metadata: [("transport".to_owned(), "http".to_owned())].into(),
    };
    let endpoint = Endpoint {
        name: "Greeter.Hello".to_owned(),
        ..Endpoint::default()
    };
    Service {
        name: "greeter".to_owned(),
        version: "1.0.0".to_owned(),
        metadata: [("zone".to_owned(), "a".to_owned())].into(),
        endpoints: vec![endpoint],
        nodes: nodes.iter().map(node).collect(),
    }
}
