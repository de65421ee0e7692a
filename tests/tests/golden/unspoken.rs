//! Bytes of what go-micro has and we do not speak: a port turns them away, and what is protobuf is so to us.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use micro::codec::Message;
use micro::message::ContentType;
use serde_json::Value;

use crate::capture::unhex;
use crate::greeter;
use crate::raw::Peer;

const CAPTURE: &str = include_str!("../../golden/unspoken.json");

fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(CAPTURE).unwrap();
    let mut vectors = all["vectors"].as_array().unwrap().iter();
    vectors.find(|vector| vector["id"] == id).unwrap().clone()
}

/// What the transports TCP, uTP and QUIC send.
#[tokio::test]
async fn a_connection_of_gob_is_answered_and_closed() {
    for id in ["transport-tcp-gob-first", "transport-tcp-gob-next"] {
        let node = greeter::listen().await;
        let mut peer = Peer::connect(node.address()).await;

        peer.send(unhex(&vector(id)["hex"])).await;

        let said = String::from_utf8(peer.closed().await).unwrap();
        assert!(said.starts_with("HTTP/1.1 400 "), "{id}: {said}");
    }
}

/// What the transport gRPC sends.
#[micro::message]
struct Sent {
    header: HashMap<String, String>,
    body: Vec<u8>,
}

#[test]
fn a_message_of_go_micros_transport_over_grpc_is_one_of_ours() {
    let vector = vector("transport-grpc-message");
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let sent = Sent {
        header: [json].into(),
        body: b"{}".to_vec(),
    };

    assert_eq!(written(&sent), unhex(&vector["hex"]));
}

/// What nodes of the registry gossip tell each other.
#[micro::message]
struct Update {
    expires: u64,
    kind: i32,
    action: i32,
    id: String,
    source: String,
    metadata: HashMap<String, String>,
    data: Vec<u8>,
}

#[test]
fn an_update_of_gossip_is_a_message_of_ours() {
    let vector = vector("gossip-update");
    let fields = &vector["fields"];
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let update = Update {
        expires: fields["expires"].as_u64().unwrap(),
        kind: 1,
        action: 1,
        id: String::new(),
        source: String::new(),
        metadata: [json].into(),
        data: fields["data"].as_str().unwrap().into(),
    };

    assert_eq!(written(&update), unhex(&vector["hex"]));
}

fn written<T: Message>(message: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    let format = T::format();
    format
        .encode(message, &ContentType::PROTOBUF, &mut bytes)
        .unwrap();
    bytes
}

#[test]
fn every_captured_message_has_a_test_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = String::new();
    read_all(&root.join("tests"), "rs", &mut named);
    read_all(&root.join("../micro/src"), "rs", &mut named);

    let mut forgotten = BTreeSet::new();
    for file in fs::read_dir(root.join("golden")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let Ok(capture) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        for vector in capture["vectors"].as_array().unwrap() {
            let id = vector["id"].as_str().unwrap().to_owned();
            if !named.contains(&format!("\"{id}\"")) {
                forgotten.insert(id);
            }
        }
    }

    assert_eq!(forgotten, BTreeSet::new());
}

fn read_all(folder: &Path, kind: &str, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, kind, text);
        } else if path.extension().is_some_and(|found| found == kind) {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
