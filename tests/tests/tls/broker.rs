//! Messages of the HTTP broker.

use std::sync::Arc;

use micro::Error;
use micro::broker::{Broker, Consumer, HttpBroker, Mode, Options, Terms};
use micro::message::{ContentType, Message};
use micro::transport::Tls;
use tokio::sync::mpsc;

use crate::Fleet;

fn broker(fleet: &Fleet, tls: Tls) -> HttpBroker {
    let mut options = Options::default();
    options.registry = Some(Arc::new(fleet.registry.clone()));
    options.tls = tls;
    HttpBroker::new(&options).unwrap()
}

/// What comes of a message from a publisher to a subscriber.
async fn publish(publisher: &HttpBroker, subscriber: &HttpBroker) -> Result<String, Error> {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let consumer = Consumer::new(move |delivery| {
        let body = String::from_utf8_lossy(&delivery.message.body).into_owned();
        heard.send(body).unwrap();
        Box::pin(std::future::ready(Ok(())))
    });
    let terms = Terms::new(Mode::group("g"));
    let _subscription = subscriber.subscribe("news", terms, consumer).await?;
    let message = Message {
        content_type: ContentType::JSON,
        metadata: micro::Metadata::new(),
        body: "true".into(),
    };
    publisher.publish("news", message).await?;
    Ok(hears.recv().await.unwrap())
}

#[tokio::test]
async fn messages_go_to_subscribers_that_prove_that_they_are() {
    let fleet = Fleet::new();
    let subscriber = fleet.member(&["micro.http.broker"]);
    let subscriber = broker(&fleet, subscriber.client_ca(fleet.authority.file()));
    let publisher = broker(&fleet, fleet.member(&["shop"]));

    let heard = publish(&publisher, &subscriber).await;

    assert_eq!(heard.unwrap(), "true");
}

#[tokio::test]
async fn messages_go_to_nobody_who_proves_another_name() {
    let fleet = Fleet::new();
    let subscriber = broker(&fleet, fleet.member(&["shop"]));
    let publisher = broker(&fleet, fleet.caller());

    let error = publish(&publisher, &subscriber).await.unwrap_err();

    assert!(
        error
            .detail()
            .contains("a certificate for shop, and not for micro.http.broker"),
        "{error}"
    );
}

#[tokio::test]
async fn a_publisher_without_tls_is_told_what_it_needs() {
    let fleet = Fleet::new();
    let subscriber = broker(&fleet, fleet.member(&["micro.http.broker"]));
    let publisher = broker(&fleet, Tls::default());

    let error = publish(&publisher, &subscriber).await.unwrap_err();

    assert!(
        error
            .detail()
            .contains("takes TLS only: start this program with --tls"),
        "{error}"
    );
}

#[tokio::test]
async fn a_publisher_without_a_certificate_is_told_that_it_needs_one() {
    let fleet = Fleet::new();
    let subscriber = fleet.member(&["micro.http.broker"]);
    let subscriber = broker(&fleet, subscriber.client_ca(fleet.authority.file()));
    let publisher = broker(&fleet, fleet.caller());

    let error = publish(&publisher, &subscriber).await.unwrap_err();

    assert!(
        error
            .detail()
            .contains("answers only who has a certificate"),
        "{error}"
    );
}
