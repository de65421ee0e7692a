//! Connections to a cluster of RabbitMQ (AMQP 0-9-1), which the backends that stand on it share.
//!
//! Nothing here comes back by itself: a channel that is lost stays lost, and whoever had it asks for another one.

mod kit;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use async_rs::Runtime;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::compat::TokioAsyncReadCompatExt as _;
use tokio_util::sync::CancellationToken;

use self::kit::{Kit, Link};
use crate::address::{Server, given_or};
use crate::dial::dial;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tls::{Ends, Protocol, Tls, Way};

/// Where RabbitMQ is if nobody says.
const ADDRESS: &str = "127.0.0.1:5672";

/// How long a server may take to answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// How often both ends let hear of themselves, in seconds; a connection that is silent for twice as long is broken.
const HEARTBEAT: u16 = 10;

/// The members of one cluster, and the connection to one of them.
pub(crate) struct Amqp {
    /// Who speaks in errors.
    id: &'static str,
    members: Vec<Member>,
    /// The one that was connected to last.
    current: AtomicUsize,
    connection: Mutex<Option<Held>>,
}

struct Member {
    server: Server,
    vhost: String,
    way: Way,
}

/// A connection, and what breaks it at once.
struct Held {
    connection: Connection,
    cut: CancellationToken,
}

impl Amqp {
    /// The cluster at `addresses`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if what `tls` names cannot be read.
    pub(crate) fn new(id: &'static str, addresses: &[String], tls: &Tls) -> Result<Self> {
        let members = given_or(addresses, ADDRESS).map(|address| {
            let (address, vhost) = split(id, address)?;
            let port = if address.starts_with("amqps://") {
                5671
            } else {
                5672
            };
            let server = Server::parse(id, address, port, ["amqp", "amqps"])?;
            let way = match server.is_secured {
                true => Ends::open(&tls.of_backend())?.way(&server.host),
                false => Ends::default().way(&server.host),
            };
            Ok(Member { server, vhost, way })
        });
        Ok(Self {
            id,
            members: members.collect::<Result<_>>()?,
            current: AtomicUsize::new(0),
            connection: Mutex::default(),
        })
    }

    /// True if no member is spoken to in plaintext.
    pub(crate) fn is_secured(&self) -> bool {
        self.members.iter().all(|member| member.server.is_secured)
    }

    /// A channel of its own, on the connection that all share; it is opened if there is none.
    ///
    /// # Errors
    ///
    /// Marked as never reached: `unavailable` if no member can be reached, else what one has against this program.
    pub(crate) async fn channel(&self) -> Result<Channel> {
        let mut guard = self.connection.lock().await;
        let connection = &mut *guard;
        if let Some(lost) = connection.take_if(|held| !held.connection.status().connected()) {
            lost.cut.cancel();
        }
        let held = match connection.as_mut() {
            Some(held) => held,
            None => connection.insert(self.connect().await?),
        };
        let opened = self.ask("opening a channel", held.connection.create_channel());
        let opened = opened.await;
        if opened.is_err() {
            // The next one is to find a better one.
            held.cut.cancel();
            *connection = None;
        }
        opened.map_err(Error::never_reached)
    }

    /// Gives the connection up: a server that does not answer holds none that others wait for.
    pub(crate) async fn cut(&self) {
        if let Some(held) = self.connection.lock().await.take() {
            held.cut.cancel();
        }
    }

    /// What the server answers to `asked`, in the time that it has; `what` says in errors what was asked.
    ///
    /// # Errors
    ///
    /// What it has against it, or `unavailable` if it does not answer.
    pub(crate) async fn ask<T>(
        &self,
        what: &str,
        asked: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T> {
        match timeout(ANSWER, asked).await {
            Ok(answered) => answered.map_err(|source| self.failed(what, source)),
            Err(_) => {
                let detail = format!("RabbitMQ did not answer within {ANSWER:?}: {what}");
                Err(Error::unavailable(self.id, detail))
            }
        }
    }

    /// What the library has to say of `what`.
    pub(crate) fn failed(&self, what: &str, source: lapin::Error) -> Error {
        let detail = format!("RabbitMQ, {what}: {source}");
        let code = match source.kind() {
            ErrorKind::ProtocolError(error) => error.get_id(),
            _ => 0,
        };
        // The numbers of AMQP's own table.
        match code {
            403 | 530 => Error::forbidden(self.id, detail),
            404 => Error::not_found(self.id, detail),
            405 | 406 => Error::bad_request(self.id, detail),
            _ => Error::unavailable(self.id, detail),
        }
        .with_source(source)
    }

    /// A connection to the first member that takes one, from the last one on.
    async fn connect(&self) -> Result<Held> {
        let mut refusals = Vec::new();
        for turn in 0..self.members.len() {
            let place = (self.current.load(Relaxed) + turn) % self.members.len();
            let member = &self.members[place];
            match self.connect_to(member).await {
                Ok(held) => {
                    self.current.store(place, Relaxed);
                    return Ok(held);
                }
                Err(error) if [502, 503].contains(&error.code()) => {
                    refusals.push(error.detail().to_owned());
                }
                Err(error) => return Err(error.never_reached()),
            }
        }
        let detail = format!("no server answers: {}", refusals.join("; "));
        Err(Error::unavailable(self.id, detail).never_reached())
    }

    async fn connect_to(&self, member: &Member) -> Result<Held> {
        let address = &*member.server.address;
        let stream = dial(
            address,
            &Limits::default(),
            None,
            &member.way,
            Protocol::Unnamed,
        )
        .await?;
        let cut = CancellationToken::new();
        let guard = cut.clone().drop_guard();
        // It is taken once: a connection that breaks is replaced by a new one, here.
        let stream = std::sync::Mutex::new(Some(Link::new(stream, cut.clone()).compat()));
        let connecting = Connection::connector(
            member.uri(),
            Runtime::new(Kit::current()),
            async move |_, _| {
                let stream = stream.lock().ok().and_then(|mut stream| stream.take());
                let gone = || std::io::Error::from(std::io::ErrorKind::NotConnected);
                Ok(AsyncTcpStream::Plain(stream.ok_or_else(gone)?))
            },
            ConnectionProperties::default().with_connection_name("micro".into()),
        );
        let connection = self.ask(address, connecting).await?;
        guard.disarm();
        Ok(Held { connection, cut })
    }
}

impl Member {
    fn uri(&self) -> AMQPUri {
        let user = self.server.user.clone();
        let (username, password) = user.unwrap_or_else(|| ("guest".into(), "guest".into()));
        AMQPUri {
            // What secures it is below.
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo { username, password },
                host: self.server.host.clone(),
                port: 0,
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(HEARTBEAT),
                ..AMQPQueryString::default()
            },
        }
    }
}

impl fmt::Debug for Amqp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses = self.members.iter().map(|member| &member.server.address);
        f.debug_list().entries(addresses).finish()
    }
}

/// The address without its virtual host, and that; `/` if it has none.
fn split<'a>(id: &'static str, address: &'a str) -> Result<(&'a str, String)> {
    let place = address.find("://").map_or(0, |at| at + 3);
    let place = address.rfind('@').map_or(place, |at| at.max(place));
    let Some(slash) = address[place..].find('/').map(|at| place + at) else {
        return Ok((address, "/".to_owned()));
    };
    let vhost = match &address[slash + 1..] {
        "" => Some("/".to_owned()),
        vhost => crate::address::decoded(vhost),
    };
    let vhost = vhost.filter(|vhost| vhost.len() < 256 && !vhost.contains(['?', '#']));
    match vhost {
        Some(vhost) => Ok((&address[..slash], vhost)),
        None => {
            let detail = "the address of a RabbitMQ ends with a virtual host that is none: write amqp://user:password@host:5672/vhost";
            Err(Error::bad_request(id, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Amqp, Tls, split};

    #[test]
    fn the_virtual_host_stands_behind_the_port() {
        for (address, server, vhost) in [
            ("rabbit", "rabbit", "/"),
            (
                "amqp://ann:a%2Fb@rabbit:1/",
                "amqp://ann:a%2Fb@rabbit:1",
                "/",
            ),
            ("amqps://rabbit/blue", "amqps://rabbit", "blue"),
            ("amqp://rabbit/%2fblue", "amqp://rabbit", "/blue"),
        ] {
            let split = split("test", address).unwrap();

            assert_eq!(split, (server, vhost.to_owned()));
        }
    }

    #[test]
    fn the_user_and_the_port_are_rabbitmqs_own_unless_said_otherwise() {
        let uri = |address: &str| {
            let amqp = Amqp::new("test", &[address.to_owned()], &Tls::default()).unwrap();
            let member = &amqp.members[0];
            (
                member.server.address.clone(),
                member.uri().authority.userinfo.username,
            )
        };

        assert_eq!(uri("rabbit"), ("rabbit:5672".into(), "guest".into()));
        assert_eq!(
            uri("amqp://ann:b@rabbit:1"),
            ("rabbit:1".into(), "ann".into())
        );
    }

    #[test]
    fn no_password_is_shown() {
        let address = "amqp://ann:secret@rabbit".to_owned();

        let amqp = Amqp::new("test", &[address], &Tls::default()).unwrap();

        assert!(!format!("{amqp:?}").contains("secret"));
    }
}
