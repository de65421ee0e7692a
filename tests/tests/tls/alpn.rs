//! What is spoken behind TLS: what the handshake agreed on, or what the first byte says.

use std::sync::Arc;

use micro::transport::{FramesTransport, HttpTransport, Options, Tls, Transport};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::{Fleet, ask, start};

/// A connection to `greeter` by a client that offers `protocols`.
async fn connect(fleet: &Fleet, protocols: &[&str]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(fleet.authority.file()).unwrap();
    roots.add(authority).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let socket = TcpStream::connect(fleet.address("greeter").await)
        .await
        .unwrap();
    let name = ServerName::try_from("greeter").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .unwrap()
}

fn agreed(stream: &TlsStream<TcpStream>) -> Option<&[u8]> {
    stream.get_ref().1.alpn_protocol()
}

fn options(tls: Tls) -> Options {
    let mut options = Options::default();
    options.tls = tls;
    options
}

async fn answered_between(
    fleet: &Fleet,
    server: impl Transport + 'static,
    client: impl Transport + 'static,
) {
    let _greeter = start(fleet.builder("greeter").transport(server)).await;
    let client = fleet
        .builder("client")
        .transport(client)
        .build()
        .await
        .unwrap();
    assert_eq!(ask(&client, "greeter").await.unwrap(), "Hello ann");
}

#[tokio::test]
async fn frames_are_agreed_on_before_http() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;

    let stream = connect(&fleet, &["http/1.1", "micro/1"]).await;

    assert_eq!(agreed(&stream), Some(&b"micro/1"[..]));
}

#[tokio::test]
async fn a_client_that_offers_nothing_is_understood_by_its_first_byte() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;
    let mut stream = connect(&fleet, &[]).await;
    assert_eq!(agreed(&stream), None);

    let call = "POST /Greeter/Hello HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Connection: close\r\nContent-Length: 5\r\n\r\n\"ann\"";
    stream.write_all(call.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();

    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    assert!(reply.ends_with("\"Hello ann\""), "{reply}");
}

#[tokio::test]
async fn http_alone_is_carried() {
    let fleet = Fleet::new();
    let server = HttpTransport::open(&options(fleet.member(&["greeter"]))).unwrap();
    let client = HttpTransport::open(&options(fleet.caller())).unwrap();

    answered_between(&fleet, server, client).await;
}

#[tokio::test]
async fn frames_alone_are_carried() {
    let fleet = Fleet::new();
    let server = FramesTransport::open(&options(fleet.member(&["greeter"]))).unwrap();
    let client = FramesTransport::open(&options(fleet.caller())).unwrap();

    answered_between(&fleet, server, client).await;
}

#[tokio::test]
async fn a_client_of_http_without_a_certificate_is_told_that_it_needs_one() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter"]).client_ca(fleet.authority.file());
    let _greeter = fleet.serve("greeter", member).await;
    let client = HttpTransport::open(&options(fleet.caller())).unwrap();
    let client = fleet
        .builder("client")
        .transport(client)
        .build()
        .await
        .unwrap();

    let error = ask(&client, "greeter").await.unwrap_err();

    assert!(
        error
            .detail()
            .contains("answers only who has a certificate"),
        "{error}"
    );
    assert!(error.is_never_reached(), "{error}");
}

#[tokio::test]
async fn who_speaks_http_alone_is_told_that_a_node_speaks_frames_alone() {
    let fleet = Fleet::new();
    let server = FramesTransport::open(&options(fleet.member(&["greeter"]))).unwrap();
    let _greeter = start(fleet.builder("greeter").transport(server)).await;
    let client = HttpTransport::open(&options(fleet.caller())).unwrap();
    let client = fleet
        .builder("client")
        .transport(client)
        .build()
        .await
        .unwrap();

    let error = ask(&client, "greeter").await.unwrap_err();

    assert!(
        error.detail().contains("speaks another protocol"),
        "{error}"
    );
}
