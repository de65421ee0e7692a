//! Both ends of a handshake, by rustls.
//!
//! `files` reads what they need, and again when it changes; `fault` says what went wrong.

mod fault;
mod files;

use std::io;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use webpki::EndEntityCert;

pub(crate) use self::fault::{refusal, words};

use self::files::Fresh;
use super::{Protocol, Stream, Tls};
use crate::error::Result;

/// The first byte of a handshake.
const HANDSHAKE: u8 = 0x16;

/// What is said to who begins with anything else. HTTP clients show it, and frames know it by its start.
const PLAIN: &[u8] =
    b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: Upgrade, close\r\n\
    Micro-Reached: no\r\nContent-Type: text/plain\r\n\
    Content-Length: 63\r\n\r\nthis port takes TLS only: call it with --tls and --tls_ca_file\n";

/// How much is read and forgotten of who was refused.
const FORGOTTEN: u64 = 64 << 10;

/// How the library of a backend is to dial: as the files of `tls` say now.
///
/// # Errors
///
/// `bad_request`, as [`Ends::open`](super::ends::Ends::open), or if they name nobody to trust.
#[cfg(feature = "nats")]
pub(crate) fn client_config(tls: &Tls) -> Result<ClientConfig> {
    let Some(ca_file) = &tls.ca_file else {
        let detail = "this program trusts nobody: give --tls and --tls_ca_file";
        return Err(crate::error::Error::bad_request(super::ends::ID, detail));
    };
    files::client(tls, ca_file)
}

/// The end that opens connections.
#[derive(Debug)]
pub(in super::super) struct Connector(Option<Fresh<ClientConfig>>);

impl Connector {
    pub(in super::super) fn open(tls: &Tls) -> Result<Self> {
        let Some(ca_file) = tls.ca_file.clone() else {
            return Ok(Self(None));
        };
        let fresh = Fresh::open(tls.clone(), move |tls| files::client(tls, &ca_file))?;
        Ok(Self(Some(fresh)))
    }

    /// `stream`, secured once its other end has proven that it is `name`.
    pub(in super::super) async fn connect(
        &self,
        stream: TcpStream,
        name: &str,
        wanted: Protocol,
    ) -> io::Result<Stream> {
        let unusable = |detail: String| io::Error::new(io::ErrorKind::InvalidInput, detail);
        let config = self
            .0
            .as_ref()
            .ok_or_else(|| unusable("this program trusts nobody: give --tls_ca_file".to_owned()))?;
        let expected = ServerName::try_from(name.to_owned()).map_err(|_| {
            unusable(format!(
                "no certificate can say {name:?}: give --tls_server_name"
            ))
        })?;
        // Who takes HTTP alone says so at once.
        let offered: &[Protocol] = match wanted {
            Protocol::Frames => &[Protocol::Frames, Protocol::Http],
            Protocol::Http => &[Protocol::Http],
            Protocol::Http2 => &[Protocol::Http2],
            Protocol::Unnamed => &[],
        };
        let connector = TlsConnector::from(config.get());
        let connecting = connector.with_alpn(names(offered));
        let stream = connecting.connect(expected, stream).await?;
        let agreed = protocol(stream.get_ref().1.alpn_protocol());
        Ok(Stream::Secured(Box::new(stream), agreed))
    }
}

/// The end that accepts connections.
#[derive(Debug)]
pub(crate) struct Acceptor(Fresh<ServerConfig>);

impl Acceptor {
    pub(in super::super) fn open(tls: &Tls, protocols: &'static [Protocol]) -> Result<Self> {
        let make = move |tls: &Tls| {
            let mut config = files::server(tls)?;
            config.alpn_protocols = names(protocols);
            Ok(config)
        };
        Fresh::open(tls.clone(), make).map(Self)
    }

    /// `stream`, secured, and the names that its other end has proven.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<(Stream, Vec<String>)> {
        let mut first = [0];
        match stream.peek(&mut first).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ if first[0] != HANDSHAKE => {
                farewell(stream, PLAIN).await;
                return Err(io::Error::other("it speaks no TLS"));
            }
            _ => {}
        }
        let accepting = TlsAcceptor::from(self.0.get()).accept(stream);
        match accepting.into_fallible().await {
            Ok(stream) => {
                let session = stream.get_ref().1;
                let agreed = protocol(session.alpn_protocol());
                let proven = proven(session.peer_certificates().unwrap_or_default());
                Ok((Stream::Secured(Box::new(stream), agreed), proven))
            }
            Err((error, stream)) => {
                farewell(stream, b"").await;
                Err(error)
            }
        }
    }
}

/// Says `last`, and waits until the other side has closed: a close with unread bytes would reset the connection before it
/// has read why.
async fn farewell(mut stream: TcpStream, last: &[u8]) {
    if stream.write_all(last).await.is_ok() && stream.shutdown().await.is_ok() {
        let mut rest = stream.take(FORGOTTEN);
        // What comes is not wanted.
        let _ = tokio::io::copy(&mut rest, &mut tokio::io::sink()).await;
    }
}

/// The names in the first certificate of a chain that was verified.
fn proven(chain: &[CertificateDer<'_>]) -> Vec<String> {
    let own = chain.first().map(EndEntityCert::try_from);
    let Some(Ok(own)) = own else {
        return Vec::new();
    };
    let names = own.valid_dns_names().chain(own.valid_uri_names());
    names.map(str::to_owned).collect()
}

fn names(protocols: &[Protocol]) -> Vec<Vec<u8>> {
    let names = protocols.iter().map(|protocol| protocol.name());
    names.map(|name| name.as_bytes().to_vec()).collect()
}

fn protocol(name: Option<&[u8]>) -> Option<Protocol> {
    let all = [Protocol::Frames, Protocol::Http2, Protocol::Http];
    all.into_iter()
        .find(|protocol| name == Some(protocol.name().as_bytes()))
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::{Connector, PLAIN, words};
    use crate::tls::ends::Ends;
    use crate::tls::{Protocol, Tls};

    /// What a program has that was given `--tls` and no more.
    fn on() -> Tls {
        Tls {
            is_on: true,
            ..Tls::default()
        }
    }

    #[tokio::test]
    async fn who_has_no_authorities_trusts_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = Connector::open(&on()).unwrap();

        let connected = connector.connect(stream, "greeter", Protocol::Http).await;

        assert_eq!(
            words(&connected.err().unwrap(), "greeter"),
            "cannot be spoken to in TLS: this program trusts nobody: give --tls_ca_file"
        );
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let tls = Tls {
            cert_file: Some("greeter.pem".to_owned()),
            ..on()
        };

        let refused = Ends::open(&tls).unwrap_err();

        assert_eq!(refused.detail(), "--tls_cert_file needs --tls_key_file");
    }

    #[test]
    fn the_answer_to_plain_clients_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();

        assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
    }
}
