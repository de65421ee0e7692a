//! What is wrong at the start is told with its flag and its file.

use std::fs;
use std::sync::Arc;

use micro::broker::{HttpBroker, Options};
use micro::transport::{MemoryTransport, Tls};

use crate::Fleet;
use crate::guide::assert_printed;

/// What the start of a server with `tls` says.
async fn told(fleet: &Fleet, tls: Tls) -> String {
    let service = match fleet.builder("greeter").tls(tls).build().await {
        Ok(service) => service,
        Err(error) => return error.detail().to_owned(),
    };
    service.start().await.unwrap_err().detail().to_owned()
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let fleet = Fleet::new();
    let (_, key) = fleet.authority.signs(&["greeter"]);
    let missing = fleet.authority.path("missing.pem");

    let told = told(&fleet, fleet.caller().certificate(&missing, key)).await;

    assert_printed(
        &told.replace(&missing, "greeter.pem"),
        "greeter.pem (--tls_cert_file) cannot be read: No such file or directory (os error 2)",
    );
}

#[tokio::test]
async fn a_file_without_a_key_is_named() {
    let fleet = Fleet::new();
    let (cert, key) = fleet.authority.signs(&["greeter"]);
    fs::write(&key, "nothing of use").unwrap();

    let told = told(&fleet, fleet.caller().certificate(cert, &key)).await;

    assert_printed(
        &told.replace(&key, "greeter.key"),
        "greeter.key (--tls_key_file) holds no private key in PEM form",
    );
}

#[tokio::test]
async fn a_file_of_authorities_without_one_is_named() {
    let fleet = Fleet::new();
    let empty = fleet.authority.path("empty.pem");
    fs::write(&empty, "").unwrap();

    let told = told(&fleet, fleet.member(&["greeter"]).client_ca(&empty)).await;

    assert_eq!(
        told,
        format!("{empty} (--tls_client_ca_file) holds no certificate in PEM form")
    );
}

#[tokio::test]
async fn a_key_of_another_certificate_is_named() {
    let fleet = Fleet::new();
    let (cert, _) = fleet.authority.signs(&["greeter"]);
    let (_, key) = fleet.authority.signs(&["greeter"]);

    let told = told(&fleet, fleet.caller().certificate(&cert, &key)).await;

    assert_printed(
        &told
            .replace(&key, "other.key")
            .replace(&cert, "greeter.pem"),
        "other.key (--tls_key_file) is not the key of greeter.pem (--tls_cert_file)",
    );
}

#[tokio::test]
async fn files_without_tls_itself_are_refused() {
    let fleet = Fleet::new();
    let (cert, key) = fleet.authority.signs(&["greeter"]);

    let told = told(&fleet, Tls::default().certificate(cert, key)).await;

    assert_printed(&told, "--tls_cert_file is given without --tls: give both");
}

#[tokio::test]
async fn a_server_needs_a_certificate() {
    let fleet = Fleet::new();

    let told = told(&fleet, fleet.caller()).await;

    assert_printed(
        &told,
        "a server with --tls needs a certificate: give --tls_cert_file and --tls_key_file",
    );
}

#[tokio::test]
async fn a_broker_that_secures_nothing_is_refused() {
    let fleet = Fleet::new();
    let mut options = Options::default();
    options.registry = Some(Arc::new(fleet.registry.clone()));
    let plain = HttpBroker::new(&options).unwrap();
    let builder = fleet.builder("greeter").tls(fleet.member(&["greeter"]));

    let refused = builder.broker(plain).build().await;

    assert_printed(
        refused.unwrap_err().detail(),
        "--tls cannot be kept: the broker http of this program does not secure its connections",
    );
}

#[tokio::test]
async fn a_transport_that_secures_nothing_is_refused() {
    let fleet = Fleet::new();
    let builder = fleet.builder("greeter").tls(fleet.member(&["greeter"]));

    let refused = builder.transport(MemoryTransport::default()).build().await;

    let error = refused.unwrap_err();
    assert_eq!(
        error.detail(),
        "--tls cannot be kept: the transport memory of this program does not secure its connections"
    );
}
