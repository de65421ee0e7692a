//! Questions to name servers: over UDP, and over TCP where the answer is longer than a packet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use super::ID;
use crate::error::{Error, Result};
use crate::registry::members::Members;

/// How long a server may take to answer, and when it is asked again, since packets get lost.
const ANSWER: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(700);

/// The longest packet without an extension that asks for longer ones.
const PACKET: usize = 512;

/// For how long an answer holds that does not say.
const UNSAID: Duration = Duration::from_secs(5);

/// What the servers say of one name.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) services: Vec<Srv>,
    /// Names in small letters.
    pub(super) addresses: Vec<(String, IpAddr)>,
    /// How long it holds.
    pub(super) ttl: Duration,
}

/// Where a service is.
#[derive(Debug)]
pub(super) struct Srv {
    pub(super) priority: u16,
    pub(super) target: String,
    pub(super) port: u16,
}

/// Name servers that answer for each other.
pub(super) struct Resolver(Members<String>);

impl Resolver {
    pub(super) fn new(servers: Vec<String>) -> Self {
        let servers = servers.into_iter();
        Self(Members::new(
            servers.map(|server| (server.clone(), server)).collect(),
        ))
    }

    /// Where they are.
    pub(super) fn addresses(&self) -> String {
        self.0.addresses()
    }

    /// What is known of `name`: nothing, if there is no such name, or no name may be written so.
    ///
    /// # Errors
    ///
    /// `unavailable` if no server answers, or none knows.
    pub(super) async fn ask(&self, name: &str, kind: TYPE) -> Result<Answer> {
        let id = fastrand::u16(..);
        let Some(question) = question(id, name, kind) else {
            return Ok(Answer::default());
        };
        self.0
            .ask(ID, ANSWER, |server| exchange(server, &question, id))
            .await
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            addresses: Vec::new(),
            ttl: UNSAID,
        }
    }
}

impl Answer {
    /// # Errors
    ///
    /// Why `packet` is no answer.
    fn read(packet: &[u8], id: u16) -> std::result::Result<Self, String> {
        let packet = Packet::parse(packet).map_err(|error| format!("with nonsense: {error}"))?;
        if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
            return Err("with something else".to_owned());
        }
        if !matches!(packet.rcode(), RCODE::NoError | RCODE::NameError) {
            return Err(format!("{:?}", packet.rcode()));
        }
        let mut answer = Self::default();
        let mut ttl = None;
        let shorter = |ttl: Option<u32>, other: u32| Some(ttl.map_or(other, |own| own.min(other)));
        for record in &packet.answers {
            ttl = shorter(ttl, record.ttl);
            if let RData::SRV(srv) = &record.rdata {
                answer.services.push(Srv {
                    priority: srv.priority,
                    target: srv.target.to_string().to_lowercase(),
                    port: srv.port,
                });
            }
        }
        for record in packet.answers.iter().chain(&packet.additional_records) {
            let ip = match &record.rdata {
                RData::A(a) => IpAddr::V4(Ipv4Addr::from(a.address)),
                RData::AAAA(aaaa) => IpAddr::V6(Ipv6Addr::from(aaaa.address)),
                _ => continue,
            };
            ttl = shorter(ttl, record.ttl);
            let name = record.name.to_string().to_lowercase();
            answer.addresses.push((name, ip));
        }
        if packet.answers.is_empty() {
            for record in &packet.name_servers {
                if let RData::SOA(soa) = &record.rdata {
                    ttl = shorter(ttl, record.ttl.min(soa.minimum));
                }
            }
        }
        answer.ttl = ttl.map_or(UNSAID, |ttl| Duration::from_secs(ttl.into()));
        Ok(answer)
    }
}

/// The packet that asks; `None` if `name` is none.
fn question(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet
        .questions
        .push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

async fn exchange(server: &str, question: &[u8], id: u16) -> Result<Answer> {
    let away = |source: std::io::Error| {
        Error::unavailable(ID, format!("{server} does not answer: {source}")).with_source(source)
    };
    let mut packet = over_udp(server, question).await.map_err(away)?;
    // Cut short, after the records that fit.
    if packet.get(2).is_some_and(|flags| flags & 0b10 != 0) {
        packet = over_tcp(server, question).await.map_err(away)?;
    }
    Answer::read(&packet, id)
        .map_err(|why| Error::unavailable(ID, format!("{server} answers {why}")))
}

async fn over_udp(server: &str, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let unknown = || std::io::Error::other("its name has no address");
    let server = lookup_host(server).await?.next().ok_or_else(unknown)?;
    let own = match server.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // A port of its own for each question: who does not see it must guess both it and the id.
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(server).await?;
    let mut packet = vec![0; PACKET];
    loop {
        socket.send(question).await?;
        if let Ok(read) = timeout(AGAIN, socket.recv(&mut packet)).await {
            packet.truncate(read?);
            return Ok(packet);
        }
    }
}

async fn over_tcp(server: &str, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).map_err(std::io::Error::other)?;
    stream
        .write_all(&[&length.to_be_bytes(), question].concat())
        .await?;
    let length = stream.read_u16().await?;
    let mut packet = vec![0; length.into()];
    stream.read_exact(&mut packet).await?;
    Ok(packet)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use simple_dns::rdata::{A, RData, SOA, SRV};
    use simple_dns::{CLASS, Name, Packet, RCODE, ResourceRecord, TYPE};

    use super::{Answer, UNSAID, question};

    fn reply(fill: impl FnOnce(&mut Packet<'static>)) -> Result<Answer, String> {
        let mut packet = Packet::new_reply(7);
        fill(&mut packet);
        Answer::read(&packet.build_bytes_vec().unwrap(), 7)
    }

    fn record(name: &'static str, ttl: u32, data: RData<'static>) -> ResourceRecord<'static> {
        ResourceRecord::new(Name::new(name).unwrap(), CLASS::IN, ttl, data)
    }

    #[test]
    fn an_answer_holds_for_the_shortest_time_of_its_records() {
        let answer = reply(|packet| {
            let srv = SRV {
                priority: 1,
                weight: 0,
                port: 80,
                target: Name::new("Node.example").unwrap(),
            };
            packet
                .answers
                .push(record("a.example", 20, RData::SRV(srv)));
            let address = RData::A(A {
                address: 0x7f00_0001,
            });
            packet
                .additional_records
                .push(record("node.Example", 10, address));
        });

        let answer = answer.unwrap();
        assert_eq!(answer.ttl, Duration::from_secs(10));
        assert_eq!(answer.services[0].target, answer.addresses[0].0);
    }

    #[test]
    fn that_there_is_none_holds_for_as_long_as_the_zone_says() {
        let answer = reply(|packet| {
            *packet.rcode_mut() = RCODE::NameError;
            let soa = SOA {
                mname: Name::new("ns.example").unwrap(),
                rname: Name::new("root.example").unwrap(),
                serial: 1,
                refresh: 1,
                retry: 1,
                expire: 1,
                minimum: 3,
            };
            packet
                .name_servers
                .push(record("example", 60, RData::SOA(soa)));
        });

        assert_eq!(answer.unwrap().ttl, Duration::from_secs(3));
        assert_eq!(reply(|_| {}).unwrap().ttl, UNSAID);
    }

    #[test]
    fn that_a_server_cannot_tell_is_no_answer() {
        let refused = reply(|packet| *packet.rcode_mut() = RCODE::ServerFailure);

        assert!(refused.unwrap_err().contains("ServerFailure"));
    }

    #[test]
    fn a_name_that_cannot_be_written_is_not_asked_for() {
        assert!(question(1, &"a".repeat(64), TYPE::A).is_none());
        assert!(question(1, &"a.".repeat(200), TYPE::A).is_none());
    }

    proptest! {
        #[test]
        fn no_packet_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Answer::read(&bytes, 7);
        }
    }
}
