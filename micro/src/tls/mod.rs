//! TLS on the connections of calls and messages: what is wanted, and what transports and brokers hold for it.
//!
//! [`Tls`] comes from the flags or from code. Whoever listens or dials has [`Ends`] made of it; a listener secures what
//! it accepts by an [`Acceptor`], a dialer what it opens by a [`Way`]. The library behind it is named in `secured` alone.

#[cfg(any(feature = "frames", feature = "http"))]
mod ends;
#[cfg(all(feature = "tls", any(feature = "frames", feature = "http")))]
mod secured;
#[cfg(all(not(feature = "tls"), any(feature = "frames", feature = "http")))]
#[path = "absent.rs"]
mod secured;
#[cfg(any(feature = "frames", feature = "http"))]
#[cfg_attr(
    not(all(feature = "frames", feature = "http", feature = "tls")),
    allow(dead_code)
)]
mod stream;

#[cfg(any(feature = "frames", feature = "http"))]
pub(crate) use self::ends::{Ends, Way, only};
#[cfg(feature = "nats")]
pub(crate) use self::secured::client_config;
#[cfg(any(feature = "frames", feature = "http"))]
pub(crate) use self::secured::{Acceptor, refusal, words};
#[cfg(any(feature = "frames", feature = "http"))]
pub(crate) use self::stream::{Protocol, Stream};

/// What the record of a node says that takes TLS only.
pub(crate) const SECURE: (&str, &str) = ("secure", "true");

/// Whether connections are secured, whom this program trusts, and how it proves who it is. Nothing by default.
///
/// Files are PEM. They are looked at before each handshake and read again when they have changed; as long as they cannot
/// be read, what was read before stays in use. See the [guide](crate::securing).
#[derive(Clone, Debug, Default)]
pub struct Tls {
    pub(crate) is_on: bool,
    pub(crate) cert_file: Option<String>,
    pub(crate) key_file: Option<String>,
    pub(crate) ca_file: Option<String>,
    pub(crate) client_ca_file: Option<String>,
    pub(crate) server_name: Option<String>,
}

impl Tls {
    /// Connections are secured, and the certificates of servers are those that the authorities in `ca_file` signed.
    pub fn with_ca(ca_file: impl Into<String>) -> Self {
        Self {
            is_on: true,
            ca_file: Some(ca_file.into()),
            ..Self::default()
        }
    }

    /// Proves who this program is, as a server and as a client: a certificate, those that lead to its authority, and its key.
    pub fn certificate(mut self, file: impl Into<String>, key_file: impl Into<String>) -> Self {
        self.cert_file = Some(file.into());
        self.key_file = Some(key_file.into());
        self
    }

    /// Answers clients alone whose certificate the authorities in this file signed.
    pub fn client_ca(mut self, file: impl Into<String>) -> Self {
        self.client_ca_file = Some(file.into());
        self
    }

    /// Expects this name in the certificate of every server, in place of the name of the service that is called.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// What holds for the servers of a backend, which have names of their own.
    #[cfg(feature = "servers")]
    #[cfg_attr(feature = "registry-dns", allow(dead_code))]
    pub(crate) fn of_backend(&self) -> Self {
        Self {
            is_on: true,
            server_name: None,
            ..self.clone()
        }
    }
}
