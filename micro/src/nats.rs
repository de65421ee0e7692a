//! The connection to NATS that each of the brokers on it has: what they share, and no more.

use std::fmt;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, RequestErrorKind, ServerAddr};
use bytes::Bytes;
use rustls::ClientConfig;
use tokio::sync::{OnceCell, watch};
use tokio::time::timeout;

use crate::address::{Server, given_or};
use crate::error::{Error, Result};
use crate::tls::{self, Tls};

/// Where NATS is if nobody says.
const ADDRESS: &str = "127.0.0.1:4222";

/// How long the servers may take to answer, and one of them to be connected to.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);

/// How often a connection is tried that says nothing; after three of them it is given up, and another one made.
const PING: Duration = Duration::from_secs(5);

/// How many messages of one subscription wait to be read. What comes then is lost.
const WAITING: usize = 4096;

/// One connection to one of the servers of a cluster, begun with its first use, and made again whenever it is lost.
pub(crate) struct Nats {
    /// Who speaks in its errors.
    id: &'static str,
    servers: Vec<Server>,
    tls: Option<ClientConfig>,
    client: OnceCell<Client>,
    link: watch::Sender<Link>,
}

/// Whether it is connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    is_up: bool,
    /// How often it was made.
    times: u64,
}

impl Nats {
    /// The servers at `addresses`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// `bad_request` if an address is none, or if a file that `tls` names cannot be read.
    pub(crate) fn new(id: &'static str, addresses: &[String], tls: &Tls) -> Result<Self> {
        let read = |text| Server::parse(id, text, 4222, ["nats", "tls"]);
        let servers = given_or(addresses, ADDRESS).map(read);
        let servers = servers.collect::<Result<Vec<_>>>()?;
        let tls = match servers.iter().any(|server| server.is_secured) {
            true => Some(tls::client_config(&tls.of_backend())?),
            false => None,
        };
        Ok(Self {
            id,
            servers,
            tls,
            client: OnceCell::new(),
            link: watch::Sender::default(),
        })
    }

    /// Where the servers are.
    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.servers.iter().map(|one| &*one.address).collect();
        addresses.join(", ")
    }

    /// True if nothing is said to the servers in plaintext.
    pub(crate) fn is_secured(&self) -> bool {
        self.servers.iter().all(|server| server.is_secured)
    }

    /// The connection, once there is one.
    ///
    /// # Errors
    ///
    /// `unavailable` if no server answers in time, `unauthorized` if one does not know the user.
    pub(crate) async fn client(&self) -> Result<&Client> {
        let begun = self.client.get_or_try_init(|| self.connect());
        let client = match timeout(ANSWER, begun).await {
            Ok(client) => client?,
            Err(_) => return Err(self.away("it takes too long")),
        };
        if !self.link.borrow().is_up {
            let mut link = self.link.subscribe();
            if !matches!(
                timeout(ANSWER, link.wait_for(|link| link.is_up)).await,
                Ok(Ok(_))
            ) {
                return Err(self.away("the connection was lost"));
            }
        }
        Ok(client)
    }

    /// Tells when the connection was lost or made again.
    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    /// Waits until the server has heard all that was said to it before.
    ///
    /// # Errors
    ///
    /// `unavailable` if it does not say so in time.
    pub(crate) async fn heard(&self, client: &Client) -> Result<()> {
        // Nobody listens there, and the server says so: the library has no other way to be answered by it.
        match client.request(client.new_inbox(), Bytes::new()).await {
            Err(error) if error.kind() != RequestErrorKind::NoResponders => Err(self.away(error)),
            _ => Ok(()),
        }
    }

    /// That no server did what it was asked.
    pub(crate) fn away(&self, why: impl fmt::Display) -> Error {
        let detail = format!("NATS at {} does not answer: {why}", self.addresses());
        Error::unavailable(self.id, detail)
    }

    /// That a message of `topic` is more than the servers take.
    pub(crate) fn too_large(&self, client: &Client, topic: &str) -> Error {
        let detail = format!(
            "a message of {topic} is over the {} bytes that NATS takes: send less, or raise its max_payload",
            client.max_payload()
        );
        Error::too_large(self.id, detail)
    }

    async fn connect(&self) -> Result<Client> {
        let address = |server: &Server| {
            let scheme = if server.is_secured { "tls" } else { "nats" };
            // Without the user, who would be shown in the library's logs.
            format!("{scheme}://{}", server.address).parse::<ServerAddr>()
        };
        let addresses = self.servers.iter().map(address);
        let addresses = addresses.collect::<Result<Vec<_>, _>>().map_err(|source| {
            Error::bad_request(self.id, "an address is none of NATS").with_source(source)
        })?;
        let connected = self.options().connect(addresses).await;
        connected.map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                let detail = format!("NATS at {} does not let this user in", self.addresses());
                Error::unauthorized(self.id, detail).with_source(error)
            }
            _ => self.away(&error).with_source(error),
        })
    }

    fn options(&self) -> ConnectOptions {
        let link = self.link.clone();
        let options = ConnectOptions::new()
            .name("micro")
            .connection_timeout(CONNECT)
            .request_timeout(Some(ANSWER))
            .ping_interval(PING)
            .subscription_capacity(WAITING)
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                told(&link, &event);
                std::future::ready(())
            });
        let options = match &self.tls {
            Some(config) => options.tls_client_config(config.clone()).require_tls(true),
            None => options,
        };
        let named = self.servers.iter().find_map(|server| server.user.clone());
        match named.or_else(of_environment) {
            None => options,
            Some((token, password)) if password.is_empty() => options.token(token),
            Some((name, password)) => options.user_and_password(name, password),
        }
    }
}

/// The user that NATS' own tools take.
fn of_environment() -> Option<(String, String)> {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    Some((variable("NATS_USER")?, variable("NATS_PASSWORD")?))
}

/// How long it takes to the next try to connect. A third of the time is random, so that not all come back at once.
pub(crate) fn pause(attempt: usize) -> Duration {
    let doubled = 2_u32.saturating_pow(u32::try_from(attempt).unwrap_or(u32::MAX));
    let longest = match attempt {
        0..=1 => return Duration::ZERO,
        _ => Duration::from_millis(10).saturating_mul(doubled),
    };
    longest
        .min(Duration::from_secs(2))
        .mul_f64(0.67 + fastrand::f64() / 3.0)
}

/// `text` as one part of a subject, or a name in JetStream, which are letters, digits and little else. No two texts are one.
pub(crate) fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'.' => token.push('_'),
            b'-' => token.push('-'),
            byte if byte.is_ascii_alphanumeric() => token.push(char::from(byte)),
            byte => token.push_str(&format!("={byte:02X}")),
        }
    }
    token
}

/// True if messages can be published to `text` as it is.
pub(crate) fn is_subject(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
    };
    text.split('.').all(is_part)
}

fn told(link: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => link.send_modify(|link| {
            link.is_up = true;
            link.times += 1;
        }),
        Event::Disconnected | Event::Closed => link.send_modify(|link| link.is_up = false),
        Event::SlowConsumer(_) => {
            tracing::warn!("a subscriber has too much to handle: a message of NATS is lost");
        }
        Event::ServerError(error) => tracing::warn!(%error, "NATS refuses something"),
        event => tracing::debug!(%event, "NATS"),
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nats({})", self.addresses())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Nats, Tls, pause};

    #[test]
    fn pauses_grow_to_two_seconds_and_no_more() {
        assert_eq!(pause(1), Duration::ZERO);
        assert!(pause(3) >= Duration::from_millis(50) && pause(3) <= Duration::from_millis(80));
        assert!(
            pause(usize::MAX) >= Duration::from_secs(1)
                && pause(usize::MAX) <= Duration::from_secs(2)
        );
    }

    #[test]
    fn a_server_in_tls_needs_someone_to_trust() {
        let refused = Nats::new("test", &["tls://nats".to_owned()], &Tls::default());

        assert!(refused.unwrap_err().detail().contains("--tls_ca_file"));
    }

    #[test]
    fn a_password_is_shown_to_nobody() {
        let nats = Nats::new(
            "test",
            &["nats://ann:secret@nats".to_owned()],
            &Tls::default(),
        );

        let nats = nats.unwrap();
        assert!(!format!("{nats:?} {}", nats.away("it is late")).contains("secret"));
    }
}
