//! The first question, answered at once: sent from a port of its own, as one-shot resolvers do.
//!
//! A responder sends no record to the group twice within a second, so that a question sent from port 5353, as the
//! daemon's is, may wait that long. A question from another port is answered directly (RFC 6762, section 6.7).

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, QCLASS, QTYPE, Question, TYPE as RECORD};
use socket2::{Domain, Protocol, Socket, Type};

use super::TYPE;
use super::nodes::Nodes;
use super::text;

/// How long answers are waited for.
pub(super) const ANSWERS: Duration = Duration::from_millis(400);

/// When the question is asked again, for nodes whose process was about to announce them, and for packets that got lost.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// The group and port of mDNS.
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);

/// How many answers to one question are read: no more nodes are remembered anyway.
const MOST: usize = 4096;

/// The largest packet.
const PACKET: usize = 9000;

/// Asks the hosts that `from`, an address of this one, reaches for their nodes, and takes in what they answer.
pub(super) fn ask(from: Ipv4Addr, nodes: &Nodes, namespace: &str) -> io::Result<()> {
    let begun = Instant::now();
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddrV4::new(from, 0).into())?;
    socket.set_multicast_if_v4(&from)?;
    let socket = std::net::UdpSocket::from(socket);
    let question = question()?;
    let mut packet = vec![0; PACKET];
    for until in AGAIN.into_iter().chain([ANSWERS]) {
        socket.send_to(&question, GROUP)?;
        for _ in 0..MOST {
            let left = until.saturating_sub(begun.elapsed());
            if left.is_zero() {
                break;
            }
            socket.set_read_timeout(Some(left))?;
            match socket.recv_from(&mut packet) {
                Err(error) if is_timeout(&error) => break,
                received => take_in(&packet[..received?.0], nodes, namespace),
            }
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn question() -> io::Result<Vec<u8>> {
    let mut packet = Packet::new_query(fastrand::u16(1..));
    let name = Name::new_unchecked(TYPE.trim_end_matches('.'));
    let (kind, class) = (QTYPE::TYPE(RECORD::PTR), QCLASS::CLASS(CLASS::IN));
    packet
        .questions
        .push(Question::new(name, kind, class, false));
    packet.build_bytes_vec().map_err(io::Error::other)
}

/// Takes in the nodes of one answer; what cannot be read is left out.
fn take_in(packet: &[u8], nodes: &Nodes, namespace: &str) {
    let Ok(packet) = Packet::parse(packet) else {
        return;
    };
    let records = packet.answers.iter().chain(&packet.additional_records);
    for record in records {
        let RData::TXT(txt) = &record.rdata else {
            continue;
        };
        let mut fields = BTreeMap::new();
        for (key, value) in txt.iter_raw() {
            if let Ok(key) = str::from_utf8(key) {
                // The first of a name counts, as in RFC 6763, section 6.4.
                fields.entry(key).or_insert(value.unwrap_or_default());
            }
        }
        if let Ok(announcement) = text::read(fields)
            && announcement.namespace == namespace
        {
            nodes.hear(&format!("{}.", record.name), announcement);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Nodes, question, take_in};

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(packet: Vec<u8>) {
            take_in(&packet, &Nodes::default(), "");
        }

        #[test]
        fn no_packet_that_begins_well_makes_it_panic(rest: Vec<u8>, cut in 0..40_usize) {
            let mut packet = question().unwrap();
            packet.truncate(packet.len().saturating_sub(cut));
            packet.extend(rest);

            take_in(&packet, &Nodes::default(), "");
        }
    }
}
