//! What is said of a node of this process: its records, and the packets that carry them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use simple_dns::rdata::{A, AAAA, PTR, RData, SRV, TXT};
use simple_dns::{
    CLASS, CharacterString, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord,
    SimpleDnsError, TYPE,
};

/// For how many seconds the records of go-micro are good.
pub(super) const TTL: u32 = 120;

/// The port that go-micro announces where it announces the name of a service only.
const NO_PORT: u16 = 9999;

/// A node by one of its names.
#[derive(Clone, Debug)]
pub(super) struct Records {
    pub(super) instance: String,
    pub(super) address: SocketAddr,
    /// The strings of its TXT record.
    pub(super) text: Vec<String>,
}

impl Records {
    /// That a service of that name is there, no more: what those are given who list services.
    pub(super) fn of_name(instance: String) -> Self {
        Self {
            instance,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), NO_PORT),
            text: Vec::new(),
        }
    }

    /// The records of that kind. SRV comes first and brings the address: go-micro reads them in this order.
    pub(super) fn of_kind(&self, kind: QTYPE, ttl: u32) -> Vec<ResourceRecord<'_>> {
        let with = |data| self.record(data, ttl);
        match kind {
            QTYPE::ANY => vec![
                with(self.service(10, 1)),
                with(self.ip()),
                with(self.text()),
            ],
            QTYPE::TYPE(TYPE::SRV) => vec![with(self.service(10, 1)), with(self.ip())],
            QTYPE::TYPE(TYPE::TXT) => vec![with(self.text())],
            QTYPE::TYPE(TYPE::A) if self.address.is_ipv4() => vec![with(self.ip())],
            QTYPE::TYPE(TYPE::AAAA) if self.address.is_ipv6() => vec![with(self.ip())],
            _ => Vec::new(),
        }
    }

    /// All, behind one that says that `name` has it.
    pub(super) fn under<'a>(&'a self, name: &'a str) -> Vec<ResourceRecord<'a>> {
        let mut records = vec![pointer(name, &self.instance)];
        records.extend(self.of_kind(QTYPE::ANY, TTL));
        records
    }

    fn record<'a>(&'a self, data: RData<'a>, ttl: u32) -> ResourceRecord<'a> {
        ResourceRecord::new(Name::new_unchecked(&self.instance), CLASS::IN, ttl, data)
    }

    /// The node is a host of its own, so that the address of another of this host is not taken for its.
    fn service(&self, priority: u16, weight: u16) -> RData<'_> {
        RData::SRV(SRV {
            priority,
            weight,
            port: self.address.port(),
            target: Name::new_unchecked(&self.instance),
        })
    }

    fn ip(&self) -> RData<'_> {
        match self.address.ip() {
            IpAddr::V4(ip) => RData::A(A::from(ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA::from(ip)),
        }
    }

    fn text(&self) -> RData<'_> {
        let mut text = TXT::new();
        let pieces = self.text.iter().map(String::as_bytes);
        for piece in pieces.flat_map(CharacterString::new) {
            text.add_char_string(piece);
        }
        RData::TXT(text)
    }

    /// Asks whether another has the name.
    pub(super) fn probe(&self) -> Result<Vec<u8>, SimpleDnsError> {
        let mut packet = Packet::new_query(fastrand::u16(1..));
        packet.questions.push(about(&self.instance));
        packet.name_servers = vec![
            self.record(self.service(0, 0), TTL),
            self.record(self.text(), TTL),
        ];
        packet.build_bytes_vec()
    }

    /// Says that the node is there, or, with a `ttl` of 0, that it leaves.
    pub(super) fn announcement(&self, ttl: u32) -> Result<Vec<u8>, SimpleDnsError> {
        let mut packet = Packet::new_reply(0);
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        packet.answers = self.of_kind(QTYPE::ANY, ttl);
        packet.build_bytes_vec()
    }
}

/// That `name` is also `to`.
pub(super) fn pointer<'a>(name: &'a str, to: &'a str) -> ResourceRecord<'a> {
    let to = RData::PTR(PTR(Name::new_unchecked(to)));
    ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, TTL, to)
}

/// Asks who has `name`.
pub(super) fn question(name: &str) -> Result<Vec<u8>, SimpleDnsError> {
    let mut packet = Packet::new_query(fastrand::u16(1..));
    packet.questions.push(about(name));
    packet.build_bytes_vec()
}

fn about(name: &str) -> Question<'_> {
    let (kind, class) = (QTYPE::TYPE(TYPE::PTR), QCLASS::CLASS(CLASS::IN));
    Question::new(Name::new_unchecked(name), kind, class, false)
}

/// An answer to `question`, which it repeats: go-micro v2.9 and later takes no other.
pub(super) fn answer(
    id: u16,
    question: &Question<'_>,
    records: Vec<ResourceRecord<'_>>,
) -> Result<Vec<u8>, SimpleDnsError> {
    // RFC 6762, section 18.1: the id of the question counts for answers that are for the asker alone.
    let id = if question.unicast_response { id } else { 0 };
    let mut packet = Packet::new_reply(id);
    packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    packet.questions.push(question.clone());
    packet.answers = records;
    packet.build_bytes_vec_compressed()
}
