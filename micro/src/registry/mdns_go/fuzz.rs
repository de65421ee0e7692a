//! What the fuzzer drives: packets, and the texts of records.

use simple_dns::Packet;

use super::packet::{self, Said, Told};
use super::records::{Records, answer};
use super::zone::answers;
use super::{names, text};
use crate::registry::{Node, Service};

/// What one TXT record holds.
const ROOM: usize = 60_000;

/// Reads what follows the first byte, which says whether it is a packet, the text of a record, or the JSON within that.
pub fn read(data: &[u8]) {
    match data.split_first() {
        None => {}
        Some((0, data)) => packet(data),
        Some((1, data)) => text(data),
        Some((_, data)) => {
            if let Ok(packed) = text::pack(data) {
                text(packed.as_bytes());
            }
        }
    }
}

/// What a packet tells can be told again; what it asks is answered by packets.
fn packet(data: &[u8]) {
    let Ok(domains) = names::domains("") else {
        return;
    };
    match packet::read(data, &domains) {
        Some(Said::Told(facts)) => {
            for fact in facts {
                told(&fact, &domains);
            }
        }
        Some(Said::Asked(id, questions)) => {
            let own = [Records {
                instance: "a.greeter.micro".to_owned(),
                address: ([127, 0, 0, 1], 8080).into(),
                text: vec!["00".to_owned()],
            }];
            for question in &questions {
                for found in answers(question, &[("greeter", &own)], &domains) {
                    let reply = answer(id, question, found.records());
                    let reply = reply.unwrap_or_else(|why| panic!("it cannot be answered: {why}"));
                    assert!(Packet::parse(&reply).is_ok());
                }
            }
        }
        None => {}
    }
}

/// A node that was read is the same after it was announced, if it may be.
fn told(fact: &Told, domains: &[String]) {
    let Told::Node(service) = fact else { return };
    let [node] = &service.nodes[..] else {
        panic!("a fact is of one node")
    };
    let Some(records) = records(service, node, domains) else {
        return;
    };
    let packet = records.announcement(120);
    let packet = packet.unwrap_or_else(|why| panic!("it cannot be announced: {why}"));
    match packet::read(&packet, domains) {
        Some(Said::Told(again)) => assert_eq!(again, [Told::Node(service.clone())]),
        _ => panic!("an announcement tells nothing"),
    }
}

/// `None` if go-micro's form has no room for it.
fn records(service: &Service, node: &Node, domains: &[String]) -> Option<Records> {
    Some(Records {
        instance: names::instances(service, node, domains).ok()?.remove(0),
        address: node.address.parse().ok()?,
        text: text::write(service, node, ROOM).ok()?,
    })
}

/// A text that can be read is the same after it was written.
fn text(packed: &[u8]) {
    let Ok((service, metadata)) = text::read(packed) else {
        return;
    };
    let node = Node {
        metadata,
        ..Node::default()
    };
    // What is longer than this side announces is read all the same.
    let Ok(written) = text::write(&service, &node, usize::MAX) else {
        return;
    };
    match text::read(written.concat().as_bytes()) {
        Ok(again) => assert_eq!(again, (service, node.metadata)),
        Err(why) => panic!("a text that was written cannot be read: {why}"),
    }
}
