//! The sockets: one that hears the group, and one on each interface that asks, announces, and is answered.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::address;
use crate::registry::interfaces::Link;

/// The group of mDNS.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// The port of mDNS.
const PORT: u16 = 5353;

/// The largest packet of UDP.
const PACKET: usize = 65_536;

/// How many packets may wait to be read, beside those in the kernel.
const WAITING: usize = 256;

/// The pause after a socket failed to read.
const PAUSE: Duration = Duration::from_millis(100);

/// Sockets that are open, and not in use yet.
pub(super) struct Opened {
    ear: std::net::UdpSocket,
    mouths: Vec<(Ipv4Addr, std::net::UdpSocket)>,
    lan: Vec<Link>,
}

/// Opens them on loopback and on these interfaces.
pub(super) fn open(lan: Vec<Link>) -> io::Result<Opened> {
    let ear = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Others on this host listen, too.
    ear.set_reuse_address(true)?;
    #[cfg(unix)]
    ear.set_reuse_port(true)?;
    ear.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT).into())?;
    let mut mouths = Vec::new();
    let addresses = lan.iter().map(|link| link.own);
    for address in std::iter::once(Ipv4Addr::LOCALHOST).chain(addresses) {
        match ear
            .join_multicast_v4(&GROUP, &address)
            .and_then(|()| mouth(address))
        {
            Ok(mouth) => mouths.push((address, mouth)),
            Err(error) => tracing::warn!(%address, %error, "mDNS cannot use an interface"),
        }
    }
    if mouths.is_empty() {
        return Err(io::Error::other("no interface can be used for multicast"));
    }
    ear.set_nonblocking(true)?;
    let ear = ear.into();
    Ok(Opened { ear, mouths, lan })
}

fn mouth(address: Ipv4Addr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddrV4::new(address, 0).into())?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What arrived.
pub(super) struct Arrived {
    pub(super) packet: Vec<u8>,
    pub(super) from: SocketAddr,
    /// It came to a socket that asks, not to the group.
    pub(super) is_answer: bool,
}

pub(super) struct Sockets {
    ear: Arc<UdpSocket>,
    mouths: Vec<(Ipv4Addr, Arc<UdpSocket>)>,
    lan: Vec<Link>,
}

impl Sockets {
    /// Takes the sockets into the runtime that this is called in; what arrives is read by tasks of it.
    pub(super) fn start(opened: Opened) -> io::Result<(Self, mpsc::Receiver<Arrived>)> {
        let (sender, arrived) = mpsc::channel(WAITING);
        let ear = Arc::new(UdpSocket::from_std(opened.ear)?);
        tokio::spawn(read(Arc::clone(&ear), sender.clone(), false));
        let mut mouths = Vec::new();
        for (address, mouth) in opened.mouths {
            let mouth = Arc::new(UdpSocket::from_std(mouth)?);
            tokio::spawn(read(Arc::clone(&mouth), sender.clone(), true));
            mouths.push((address, mouth));
        }
        let lan = opened.lan;
        Ok((Self { ear, mouths, lan }, arrived))
    }

    /// Says something to the group: on all interfaces, or on this host alone.
    pub(super) async fn say(&self, packet: &[u8], is_local: bool) {
        let to = SocketAddrV4::new(GROUP, PORT);
        for (address, mouth) in &self.mouths {
            if is_local && !address.is_loopback() {
                continue;
            }
            if let Err(error) = mouth.send_to(packet, to).await {
                tracing::debug!(%address, %error, "an mDNS packet was not sent");
            }
        }
    }

    /// Answers one who asked the group.
    pub(super) async fn answer(&self, packet: &[u8], to: SocketAddr) {
        if let Err(error) = self.ear.send_to(packet, to).await {
            tracing::debug!(%to, %error, "an mDNS question was not answered");
        }
    }

    /// Who sent it, as far as it matters here; nothing if it is not to be heard.
    pub(super) fn sender(&self, from: SocketAddr) -> Option<Sender> {
        if from.ip().is_loopback() || address::is_local(&from.to_string()) {
            return Some(Sender::ThisHost);
        }
        // The kernel hands on what arrives on interfaces that others of this host listen on, and what routers bring.
        let is_near = self.lan.iter().any(|link| link.has(from.ip()));
        is_near.then_some(Sender::Lan)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    ThisHost,
    Lan,
}

async fn read(socket: Arc<UdpSocket>, sender: mpsc::Sender<Arrived>, is_answer: bool) {
    let mut buffer = vec![0; PACKET];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                let packet = buffer.get(..length).unwrap_or_default().to_vec();
                let arrived = Arrived {
                    packet,
                    from,
                    is_answer,
                };
                if sender.send(arrived).await.is_err() {
                    return;
                }
            }
            // Linux says here that an asker has gone whose answer was sent.
            Err(error) => {
                tracing::debug!(%error, "an mDNS socket failed");
                sleep(PAUSE).await;
            }
        }
    }
}
