//! What the packets of others say: which nodes and services there are, and what is asked.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use simple_dns::rdata::RData;
use simple_dns::{OPCODE, Packet, PacketFlag, Question};

use super::names::{SERVICES, child};
use super::text;
use crate::registry::{Node, Service};

/// The bytes of a header, and of the shortest record and question: a packet holds no more than that allows.
const SMALLEST: [usize; 3] = [12, 11, 5];

/// How many questions of a packet are answered: go-micro asks one.
const MOST_QUESTIONS: usize = 16;

/// A packet that can be understood.
pub(super) enum Said<'a> {
    /// Questions, and the id they were asked by.
    Asked(u16, Vec<Question<'a>>),
    Told(Vec<Told>),
}

/// One fact.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// With this one node.
    Node(Service),
    /// A node left.
    Gone { service: String, id: String },
    /// There is a service of that name.
    Name(String),
}

/// Reads a packet; nothing if it is none, or not in go-micro's form.
pub(super) fn read<'a>(packet: &'a [u8], domains: &[String]) -> Option<Said<'a>> {
    if !counts_fit(packet) {
        return None;
    }
    let mut packet = Packet::parse(packet).ok()?;
    if packet.opcode() != OPCODE::StandardQuery {
        return None;
    }
    // A reply repeats its question, which nobody asks by it.
    if !packet.has_flags(PacketFlag::RESPONSE) {
        packet.questions.truncate(MOST_QUESTIONS);
        return Some(Said::Asked(packet.id(), packet.questions));
    }
    Some(Said::Told(told(&packet, domains)))
}

/// True if a packet of that length can hold as much as it says: room is made for it before it is read.
fn counts_fit(packet: &[u8]) -> bool {
    let [header, record, question] = SMALLEST;
    let count = |at: usize| {
        let bytes = packet.get(at..at + 2)?;
        Some(usize::from(u16::from_be_bytes(bytes.try_into().ok()?)))
    };
    let counts = || Some((count(4)?, count(6)? + count(8)? + count(10)?));
    let fits =
        |(questions, records)| questions * question + records * record + header <= packet.len();
    counts().is_some_and(fits)
}

fn told(packet: &Packet<'_>, domains: &[String]) -> Vec<Told> {
    let (mut ports, mut ips, mut facts) = (HashMap::new(), HashMap::new(), Vec::new());
    let records = || packet.answers.iter().chain(&packet.additional_records);
    for record in records() {
        match &record.rdata {
            RData::SRV(at) => {
                ports.insert(&record.name, (at.port, &at.target));
            }
            RData::A(ip) => {
                ips.insert(&record.name, IpAddr::V4(ip.address.into()));
            }
            RData::AAAA(ip) => {
                ips.insert(&record.name, IpAddr::V6(ip.address.into()));
            }
            RData::PTR(to) if record.ttl > 0 => {
                let to = to.0.to_string();
                let name = child(&to, SERVICES, domains);
                facts.extend(name.map(|name| Told::Name(name.to_owned())));
            }
            _ => {}
        }
    }
    for record in records() {
        let RData::TXT(strings) = &record.rdata else {
            continue;
        };
        // None has an equals sign: the digits all stand where keys would.
        let digits: Vec<_> = strings.iter_raw().map(|(digits, _)| digits).collect();
        let Ok((mut service, metadata)) = text::read(&digits.concat()) else {
            continue;
        };
        let instance = record.name.to_string();
        let Some(id) = child(&instance, &service.name, domains) else {
            continue;
        };
        if record.ttl == 0 {
            facts.push(Told::Gone {
                id: id.to_owned(),
                service: service.name,
            });
        } else if let Some((port, target)) = ports.get(&record.name)
            && let Some(ip) = ips.get(target)
        {
            service.nodes.push(Node {
                id: id.to_owned(),
                address: SocketAddr::new(*ip, *port).to_string(),
                metadata,
            });
            facts.push(Told::Node(service));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use simple_dns::rdata::RData;
    use simple_dns::{Packet, QTYPE, TYPE};

    use super::{Said, Told, read};
    use crate::registry::mdns_go::golden::{packet, vector};
    use crate::registry::mdns_go::names::domains;
    use crate::registry::mdns_go::records::{Records, answer, question};
    use crate::registry::mdns_go::text;
    use crate::registry::{Node, Service};

    fn service() -> Service {
        let node = Node {
            id: "greeter-1".to_owned(),
            address: "127.0.0.1:8080".to_owned(),
            metadata: [("protocol".to_owned(), "mucp".to_owned())].into(),
        };
        Service {
            name: "greeter".to_owned(),
            version: "1".to_owned(),
            nodes: vec![node],
            ..Service::default()
        }
    }

    fn records() -> Records {
        let service = service();
        Records {
            instance: "greeter-1.greeter.micro".to_owned(),
            address: "127.0.0.1:8080".parse().unwrap(),
            text: text::write(&service, &service.nodes[0], 60_000).unwrap(),
        }
    }

    fn told(packet: &[u8]) -> Vec<Told> {
        match read(packet, &domains("").unwrap()) {
            Some(Said::Told(told)) => told,
            _ => panic!("it tells nothing"),
        }
    }

    #[test]
    fn a_node_that_is_announced_is_read_as_it_is() {
        let packet = records().announcement(120).unwrap();

        assert_eq!(told(&packet), [Told::Node(service())]);
    }

    #[test]
    fn a_node_that_leaves_is_read_as_gone() {
        let packet = records().announcement(0).unwrap();

        let gone = Told::Gone {
            service: "greeter".to_owned(),
            id: "greeter-1".to_owned(),
        };
        assert_eq!(told(&packet), [gone]);
    }

    /// The node of which the captured packets are.
    fn captured() -> Service {
        let mut service = service();
        service.version = "1.0.0".to_owned();
        service.nodes[0].id = "greeter-id1".to_owned();
        service.nodes[0].address = "10.0.0.1:8080".to_owned();
        service
    }

    #[test]
    fn an_answer_of_go_micro_with_or_without_its_question_tells_of_a_node() {
        for id in ["mdns-response-v1", "mdns-response-v6"] {
            let reply = packet(&vector(id));

            assert_eq!(told(&reply), [Told::Node(captured())], "{id}");
        }
    }

    #[test]
    fn an_answer_of_go_micro_about_services_tells_of_a_name() {
        let reply = packet(&vector("mdns-list-response"));

        assert_eq!(told(&reply), [Told::Name("greeter".to_owned())]);
    }

    #[test]
    fn a_goodbye_of_go_micro_tells_that_a_node_left() {
        let goodbye = packet(&vector("mdns-goodbye"));

        let gone = Told::Gone {
            service: "greeter".to_owned(),
            id: "greeter-id1".to_owned(),
        };
        assert_eq!(told(&goodbye), [gone]);
    }

    /// Names, kinds and lives of the records, and ports, but for the name of the host, which is each one's own.
    fn outline(packet: &[u8]) -> Vec<(String, TYPE, u32, Option<u16>)> {
        let packet = Packet::parse(packet).unwrap();
        let outline = packet.answers.iter().map(|record| {
            let (kind, name) = (record.rdata.type_code(), record.name.to_string());
            let name = if kind == TYPE::A { String::new() } else { name };
            let port = match &record.rdata {
                RData::SRV(at) => Some(at.port),
                _ => None,
            };
            (name, kind, record.ttl, port)
        });
        outline.collect()
    }

    #[test]
    fn our_answers_have_the_records_that_those_of_v6_have() {
        let node = Records {
            instance: "greeter-id1.greeter.micro".to_owned(),
            address: "10.0.0.1:8080".parse().unwrap(),
            ..records()
        };
        let name = Records::of_name("greeter._services.micro".to_owned());
        for (id, ours) in [("mdns-response-v6", node), ("mdns-list-response", name)] {
            let captured = packet(&vector(id));
            let asked = Packet::parse(&captured).unwrap().questions.remove(0);
            let parent = asked.qname.to_string();

            let reply = answer(0, &asked, ours.under(&parent)).unwrap();

            assert_eq!(outline(&reply), outline(&captured), "{id}");
        }
    }

    #[test]
    fn our_goodbye_has_the_records_that_go_micros_has() {
        let node = Records {
            instance: "greeter-id1.greeter.micro".to_owned(),
            address: "10.0.0.1:8080".parse().unwrap(),
            ..records()
        };

        let goodbye = node.announcement(0).unwrap();

        let captured = packet(&vector("mdns-goodbye"));
        assert_eq!(outline(&goodbye), outline(&captured));
    }

    #[test]
    fn a_question_is_repeated_in_its_answer_and_not_asked_by_it() {
        let asked = question("greeter.micro").unwrap();
        let asked = Packet::parse(&asked).unwrap();
        let records = records();

        let reply = answer(7, &asked.questions[0], records.under("greeter.micro")).unwrap();

        assert_eq!(told(&reply), [Told::Node(service())]);
        let reply = Packet::parse(&reply).unwrap();
        assert_eq!(reply.questions[0].qname, asked.questions[0].qname);
        assert_eq!(reply.id(), 0);
    }

    #[test]
    fn of_many_questions_the_first_sixteen_are_answered() {
        let mut packet = Packet::new_query(7);
        for number in 0..100 {
            let asked = question(&format!("s{number}.micro")).unwrap();
            let asked = Packet::parse(&asked).unwrap().questions[0]
                .clone()
                .into_owned();
            packet.questions.push(asked);
        }
        let packet = packet.build_bytes_vec().unwrap();

        let said = read(&packet, &["micro".to_owned()]);

        assert!(matches!(said, Some(Said::Asked(7, questions)) if questions.len() == 16));
    }

    #[test]
    fn a_node_of_another_domain_is_not_read() {
        let other = Records {
            instance: "greeter-1.greeter.other".to_owned(),
            ..records()
        };

        assert_eq!(told(&other.announcement(120).unwrap()), []);
    }

    #[test]
    fn a_node_without_an_address_is_not_read() {
        let records = records();
        let asked = question("greeter.micro").unwrap();
        let asked = Packet::parse(&asked).unwrap();
        let text = records.of_kind(QTYPE::TYPE(TYPE::TXT), 120);

        let reply = answer(7, &asked.questions[0], text).unwrap();

        assert_eq!(told(&reply), []);
    }

    #[test]
    fn a_packet_that_says_it_holds_more_than_it_can_is_not_read() {
        let mut packet = records().announcement(120).unwrap();
        packet[10..12].copy_from_slice(&[0xff, 0xff]);

        assert!(read(&packet, &domains("").unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(packet: Vec<u8>) {
            read(&packet, &domains("").unwrap());
        }

        #[test]
        fn no_packet_that_begins_well_makes_it_panic(rest: Vec<u8>, cut in 0..400_usize, flip in 0..400_usize) {
            let mut packet = records().announcement(120).unwrap();
            let flipped = flip % packet.len();
            packet[flipped] ^= 0x55;
            packet.truncate(packet.len().saturating_sub(cut));
            packet.extend(rest);

            read(&packet, &domains("").unwrap());
        }
    }
}
