//! Who is refused, and in which words.

use micro::transport::{FramesTransport, Tls};
use micro::{Error, prelude::*};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::guide::assert_printed;
use crate::{CounterClient, Fleet, ask, quick, start};

/// What a caller of a server with a certificate of these years and names, by `authority`, is told.
async fn told(
    fleet: &Fleet,
    authority: &Authority,
    name: &str,
    years: std::ops::Range<i32>,
) -> Error {
    let (cert, key) = authority.signs_for(&[name], years);
    let server = Tls::with_ca(fleet.authority.file()).certificate(cert, key);
    let _greeter = fleet.serve("greeter", server).await;
    fleet.ask(fleet.caller()).await.unwrap_err()
}

/// Asserts that the guide prints what `error` says as `row`, and that the call was never sent.
fn assert_says(error: &Error, row: &str) {
    assert_printed(error.detail(), row);
    assert_eq!(error.code(), 502, "{error}");
    assert!(error.is_never_reached(), "{error}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_refused() {
    let fleet = Fleet::new();

    let error = told(&fleet, &fleet.authority, "greeter", 2000..2001).await;

    assert_says(&error, "ADDRESS has a certificate that expired 3 days ago");
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_refused() {
    let fleet = Fleet::new();

    let error = told(&fleet, &fleet.authority, "greeter", 3000..3001).await;

    assert_says(
        &error,
        "ADDRESS has a certificate that is valid only in 3 days: are the clocks right?",
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let fleet = Fleet::new();

    let error = told(&fleet, &Authority::new("stranger"), "greeter", 2020..3000).await;

    assert_says(
        &error,
        "ADDRESS has a certificate that no authority in --tls_ca_file signed",
    );
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let fleet = Fleet::new();

    let error = told(&fleet, &fleet.authority, "bank", 2020..3000).await;

    assert_says(
        &error,
        "ADDRESS has a certificate for bank, and not for greeter: give it one, or --tls_server_name",
    );
}

#[tokio::test]
async fn a_client_without_a_certificate_is_told_that_it_needs_one() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter"]).client_ca(fleet.authority.file());
    let _greeter = fleet.serve("greeter", member).await;

    let error = fleet.ask(fleet.caller()).await.unwrap_err();

    assert_says(
        &error,
        "ADDRESS answers only who has a certificate: give --tls_cert_file and --tls_key_file",
    );
}

#[tokio::test]
async fn a_client_that_a_stranger_signed_is_refused() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter"]).client_ca(fleet.authority.file());
    let _greeter = fleet.serve("greeter", member).await;
    let stranger = Authority::new("stranger");
    let (cert, key) = stranger.signs(&["client"]);

    let error = fleet
        .ask(fleet.caller().certificate(cert, key))
        .await
        .unwrap_err();

    assert_says(
        &error,
        "ADDRESS refused the certificate in --tls_cert_file: no authority in its --tls_client_ca_file signed it",
    );
}

#[tokio::test]
async fn a_client_whose_certificate_has_expired_is_refused() {
    let fleet = Fleet::new();
    let member = fleet.member(&["greeter"]).client_ca(fleet.authority.file());
    let _greeter = fleet.serve("greeter", member).await;
    let (cert, key) = fleet.authority.signs_for(&["client"], 2000..2001);

    let error = fleet
        .ask(fleet.caller().certificate(cert, key))
        .await
        .unwrap_err();

    assert_says(
        &error,
        "ADDRESS refused the certificate in --tls_cert_file: it has expired, or is not valid yet",
    );
}

#[tokio::test]
async fn a_client_without_tls_is_told_by_the_record_what_it_needs() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;

    let error = fleet.ask(Tls::default()).await.unwrap_err();

    assert_says(
        &error,
        "ADDRESS takes TLS only: start this program with --tls and --tls_ca_file",
    );
}

const TAKES_TLS_ONLY: &str =
    "ADDRESS takes TLS only: start this program with --tls and --tls_ca_file";

#[tokio::test]
async fn a_client_without_tls_and_without_a_record_is_told_so_by_the_port() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;

    let error = fleet.ask_there(fleet.builder("client")).await;

    assert_says(&error, TAKES_TLS_ONLY);
}

#[tokio::test]
async fn a_client_of_frames_without_tls_and_without_a_record_is_told_so_by_the_port() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;
    let client = fleet.builder("client");

    let error = fleet
        .ask_there(client.transport(FramesTransport::default()))
        .await;

    assert_says(&error, TAKES_TLS_ONLY);
}

#[tokio::test]
async fn a_stream_without_tls_and_without_a_record_is_told_so_by_the_port() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", fleet.member(&["greeter"])).await;
    let client = fleet.builder("client").build().await.unwrap();

    let call = CounterClient::new(&client).count(Plain(1));
    let opened = call.address(fleet.address("greeter").await).await;

    assert_says(&opened.unwrap_err(), TAKES_TLS_ONLY);
}

#[tokio::test]
async fn a_client_with_tls_speaks_to_no_node_without() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter", Tls::default()).await;

    let error = fleet.ask(fleet.caller()).await.unwrap_err();

    assert_says(
        &error,
        "ADDRESS answers without TLS: start it with --tls, or this program without",
    );
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_closed_after_head_timeout() {
    let fleet = Fleet::new();
    let node = fleet.builder("greeter").tls(fleet.member(&["greeter"]));
    let _greeter = start(node.limits(quick())).await;
    let mut stream = TcpStream::connect(fleet.address("greeter").await)
        .await
        .unwrap();

    let read = tokio::time::timeout(Duration::from_secs(4), stream.read(&mut [0])).await;

    assert_eq!(read.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_peer_that_stops_in_the_handshake_is_closed_after_head_timeout() {
    let fleet = Fleet::new();
    let node = fleet.builder("greeter").tls(fleet.member(&["greeter"]));
    let _greeter = start(node.limits(quick())).await;
    let mut stream = TcpStream::connect(fleet.address("greeter").await)
        .await
        .unwrap();
    stream.write_all(&[0x16, 3, 1]).await.unwrap();

    let read = tokio::time::timeout(Duration::from_secs(4), stream.read(&mut [0])).await;

    // Closed, or reset since not all was read.
    assert!(!matches!(read.unwrap(), Ok(1..)));
}

#[tokio::test]
async fn a_peer_whose_handshake_comes_byte_by_byte_is_closed_after_head_timeout() {
    let fleet = Fleet::new();
    let node = fleet.builder("greeter").tls(fleet.member(&["greeter"]));
    let _greeter = start(node.limits(quick())).await;
    let stream = TcpStream::connect(fleet.address("greeter").await)
        .await
        .unwrap();
    let (mut reader, mut writer) = stream.into_split();
    // A record of 512 bytes would take five seconds.
    let trickle = tokio::spawn(async move {
        for byte in [0x16, 3, 1, 2, 0].into_iter().chain([1; 512]) {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    });

    let read = tokio::time::timeout(Duration::from_secs(4), reader.read(&mut [0])).await;

    assert!(!matches!(read.unwrap(), Ok(1..)));
    trickle.abort();
}

#[tokio::test]
async fn a_node_that_stops_in_the_handshake_is_given_up_after_head_timeout() {
    let fleet = Fleet::new();
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let client = fleet.builder("client").tls(fleet.caller()).limits(quick());
    let client = client.build().await.unwrap();

    let reply: micro::Result<Plain<String>> = client
        .client()
        .call("greeter", "Greeter.Hello", &Plain("ann".to_owned()))
        .address(address)
        .await;

    let error = reply.unwrap_err();
    assert_eq!(error.code(), 502, "{error}");
    assert_printed(
        &error.detail().replace("100ms", "5s"),
        "ADDRESS did not finish the TLS handshake within 5s (head_timeout)",
    );
}

#[tokio::test]
async fn a_service_whose_name_no_certificate_can_have_needs_a_server_name() {
    let fleet = Fleet::new();
    let _greeter = fleet.serve("greeter-", fleet.member(&["greeter"])).await;
    let client = fleet.builder("client").tls(fleet.caller());
    let client = client.build().await.unwrap();

    let error = ask(&client, "greeter-").await.unwrap_err();

    assert_says(
        &error,
        "ADDRESS cannot be spoken to in TLS: no certificate can say \"greeter-\": give --tls_server_name",
    );
}

#[tokio::test]
async fn a_client_with_tls_is_told_that_a_node_of_frames_speaks_none() {
    let fleet = Fleet::new();
    let node = fleet
        .builder("greeter")
        .transport(FramesTransport::default());
    let _greeter = start(node).await;

    let error = fleet.ask(fleet.caller()).await.unwrap_err();

    assert_says(
        &error,
        "ADDRESS closed the connection in the handshake: does it take TLS?",
    );
}
