//! A node of this process: probed for, announced, and taken back in time.

use std::net::SocketAddr;
use std::time::Duration;

use simple_dns::SimpleDnsError;
use tokio::time::Instant;

use super::records::{Records, TTL};
use super::sockets::Sockets;
use super::{ID, names, text};
use crate::error::{Error, Result};
use crate::registry::interfaces::is_loopback_address;
use crate::registry::{Node, Service};

/// How large a TXT record may be. On loopback: what fits in the largest packet of UDP. On a LAN: in that of mDNS.
const ROOM: (usize, usize) = (60_000, 8600);

/// How often a new node is probed for, and how long after each at most, in milliseconds.
const PROBES: (usize, u64) = (3, 50);

/// The pauses after each announcement; none follows the last.
const PAUSES: [Option<Duration>; 3] = [
    Some(Duration::from_secs(1)),
    Some(Duration::from_secs(2)),
    None,
];

pub(super) struct Own {
    /// With this one node.
    service: Service,
    /// One for each domain.
    records: Vec<Records>,
    /// Reachable from this host only.
    is_local: bool,
    pub(super) until: Option<Instant>,
    /// How many probes and announcements were sent.
    sent: usize,
    next: Option<Instant>,
}

impl Own {
    /// The node of `service`, to be announced in `domains`.
    ///
    /// # Errors
    ///
    /// `bad_request` if go-micro's form has no room for it.
    pub(super) fn new(
        service: &Service,
        node: &Node,
        domains: &[String],
        ttl: Option<Duration>,
    ) -> Result<Self> {
        let is_local = is_loopback_address(&node.address);
        let room = if is_local { ROOM.0 } else { ROOM.1 };
        let text = text::write(service, node, room)?;
        let address = address(node)?;
        let names = names::instances(service, node, domains)?;
        let in_domain = |instance| Records {
            instance,
            address,
            text: text.clone(),
        };
        let now = Instant::now();
        Ok(Self {
            service: Service {
                nodes: vec![node.clone()],
                ..service.clone()
            },
            records: names.into_iter().map(in_domain).collect(),
            is_local,
            until: ttl.and_then(|ttl| now.checked_add(ttl)),
            sent: 0,
            next: Some(now),
        })
    }

    /// The same in the place of one that is announced already: it is not probed for.
    pub(super) fn changed(self) -> Self {
        Self {
            sent: PROBES.0,
            ..self
        }
    }

    pub(super) fn service(&self) -> &Service {
        &self.service
    }

    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// The name of the service, and the node's records.
    pub(super) fn named(&self) -> (&str, &[Records]) {
        (&self.service.name, &self.records)
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.next, self.until].into_iter().flatten().min()
    }

    /// Probes for the node, or announces it, if that is due.
    pub(super) async fn step(&mut self, now: Instant, sockets: &Sockets) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        let pause = match self.sent.checked_sub(PROBES.0) {
            None => {
                say(sockets, self.first(), self.is_local, Records::probe).await;
                Some(Duration::from_millis(fastrand::u64(..PROBES.1)))
            }
            Some(announced) => {
                let announcement = |records: &Records| records.announcement(TTL);
                say(sockets, self.first(), self.is_local, announcement).await;
                PAUSES.get(announced).copied().flatten()
            }
        };
        self.sent += 1;
        self.next = pause.map(|pause| now + pause);
    }

    /// Says in each domain that the node leaves.
    pub(super) async fn leave(&self, sockets: &Sockets) {
        let goodbye = |records: &Records| records.announcement(0);
        say(sockets, &self.records, self.is_local, goodbye).await;
    }

    /// go-micro v1 takes what is announced in another domain than its own for another node, whose id is wrong: so nodes
    /// are announced in one domain, and found by questions in the others.
    fn first(&self) -> &[Records] {
        self.records.get(..1).unwrap_or_default()
    }
}

async fn say(
    sockets: &Sockets,
    records: &[Records],
    is_local: bool,
    write: impl Fn(&Records) -> Result<Vec<u8>, SimpleDnsError>,
) {
    for records in records {
        match write(records) {
            Ok(packet) => sockets.say(&packet, is_local).await,
            Err(error) => tracing::debug!(%error, "an mDNS packet cannot be written"),
        }
    }
}

fn address(node: &Node) -> Result<SocketAddr> {
    let address = node.address.parse().ok();
    address
        .filter(|address: &SocketAddr| address.port() != 0)
        .ok_or_else(|| {
            let detail = format!(
                "go-micro's mDNS has room for an IP address and a port alone, which `{}` is not",
                node.address
            );
            Error::bad_request(ID, detail)
        })
}
