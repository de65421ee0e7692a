//! The broker in RabbitMQ.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use micro::Error;
use micro::broker::{Broker, Consumer, Mode, Options, RabbitMqBroker, Subscription, Terms};
use micro::message::{ContentType, Message};
use micro::transport::Tls;
use tests::servers::{RabbitMq, Server};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What is waited for comes much sooner, or the test fails.
const SOON: Duration = Duration::from_secs(60);

/// What a consumer was handed: the body, and which try it was.
type Seen = mpsc::UnboundedReceiver<(String, u32)>;

fn broker_at(address: String) -> RabbitMqBroker {
    let mut options = Options::default();
    options.addresses = vec![address];
    RabbitMqBroker::new(&options).unwrap()
}

fn broker(server: &Server<RabbitMq>) -> RabbitMqBroker {
    broker_at(server.address())
}

fn message(body: impl ToString) -> Message {
    Message {
        content_type: ContentType::JSON,
        metadata: micro::Metadata::new(),
        body: body.to_string().into(),
    }
}

fn durable() -> Terms {
    let mut terms = Terms::new(Mode::group("g"));
    terms.durable = true;
    terms
}

/// A member of a group that acks everything.
async fn member(broker: &RabbitMqBroker, topic: &str, terms: Terms) -> (Subscription, Seen) {
    let (sender, seen) = mpsc::unbounded_channel();
    let consumer = Consumer::new(move |delivery| {
        let body = String::from_utf8_lossy(&delivery.message.body).into_owned();
        sender.send((body, delivery.attempt)).ok();
        Box::pin(async { Ok::<_, Error>(()) })
    });
    let subscribed = broker.subscribe(topic, terms, consumer).await;
    (subscribed.unwrap(), seen)
}

async fn next(seen: &mut Seen) -> String {
    let next = timeout(SOON, seen.recv()).await;
    next.expect("nothing came").unwrap().0
}

#[tokio::test]
async fn a_durable_group_has_what_came_while_it_was_away_and_the_server_was_started_again() {
    let mut server = Server::start(RabbitMq::alone()).await;
    let (mut left, _) = member(&broker(&server), "t", durable()).await;
    left.leave();
    left.ended().await;
    broker(&server).publish("t", message("1")).await.unwrap();

    server.restart().await;
    let (_member, mut seen) = member(&broker(&server), "t", durable()).await;

    assert_eq!(next(&mut seen).await, "1");
}

#[tokio::test]
async fn topics_and_groups_may_have_any_characters() {
    let server = Server::start(RabbitMq::alone()).await;
    let broker = broker(&server);
    let topic = "amq.*.# %parked/ü";
    let (_member, mut seen) = member(&broker, topic, Terms::new(Mode::group("a.b%/*"))).await;
    let (_other, mut others) = member(&broker, "amq.x.# %parked/ü", durable()).await;

    broker.publish(topic, message("1")).await.unwrap();
    broker
        .publish("amq.x.# %parked/ü", message("2"))
        .await
        .unwrap();

    assert_eq!(next(&mut seen).await, "1");
    assert_eq!(next(&mut others).await, "2");
}

#[tokio::test]
async fn by_the_names_of_go_micro_a_group_gets_what_is_published_and_keeps_nothing_while_it_is_away()
 {
    let server = Server::start(RabbitMq::alone()).await;
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    let broker = RabbitMqBroker::go_micro(&options).unwrap();
    let (mut left, mut seen) = member(&broker, "t", Terms::new(Mode::group("g"))).await;

    broker.publish("t", message("1")).await.unwrap();
    let first = next(&mut seen).await;
    left.leave();
    left.ended().await;
    broker.publish("t", message("2")).await.unwrap();
    let (_member, mut seen) = member(&broker, "t", Terms::new(Mode::group("g"))).await;
    broker.publish("t", message("3")).await.unwrap();

    assert_eq!(
        (first, next(&mut seen).await),
        ("1".to_owned(), "3".to_owned())
    );
    assert!(!broker.capabilities().durable);
}

#[tokio::test]
async fn bodies_may_be_empty_or_large() {
    let server = Server::start(RabbitMq::alone()).await;
    let broker = broker(&server);
    let (_member, mut seen) = member(&broker, "t", durable()).await;
    let large = "x".repeat(4 << 20);

    broker.publish("t", message("")).await.unwrap();
    broker.publish("t", message(&large)).await.unwrap();
    let over = broker.publish("t", message(format!("{large}x"))).await;

    assert_eq!(next(&mut seen).await, "");
    assert!(next(&mut seen).await == large);
    assert_eq!(over.unwrap_err().code(), 413);
}

#[tokio::test]
async fn members_of_a_group_that_disagree_on_durable_are_told() {
    let server = Server::start(RabbitMq::alone()).await;
    let broker = broker(&server);
    let _member = member(&broker, "t", durable()).await;

    let consumer = Consumer::new(|_| Box::pin(async { Ok(()) }));
    let terms = Terms::new(Mode::group("g"));
    let error = broker.subscribe("t", terms, consumer).await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(error.detail().contains("durable"), "{error}");
}

#[tokio::test]
async fn who_is_not_known_is_refused_and_the_password_not_shown() {
    let server = Server::start(RabbitMq::alone()).await;
    let broker = broker_at(format!("amqp://ann:hidden@{}", server.address()));

    let error = broker.publish("t", message("1")).await.unwrap_err();

    assert_eq!(error.code(), 403, "{error}");
    assert!(
        !format!("{error:?}{broker:?}").contains("hidden"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_in_tls_is_trusted_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(path("cert.pem"), certified.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let kind = RabbitMq::alone().secured(&path("cert.pem"), &path("key.pem"));
    let server = Server::start(kind).await;
    let mut options = Options::default();
    options.addresses = vec![format!("amqps://{}", server.address())];
    options.tls = Tls::with_ca(path("cert.pem").to_str().unwrap());
    let broker = RabbitMqBroker::new(&options).unwrap();
    let (_member, mut seen) = member(&broker, "t", durable()).await;

    broker.publish("t", message("1")).await.unwrap();

    assert_eq!(next(&mut seen).await, "1");
    assert!(broker.is_secured());
}

#[tokio::test]
async fn publishers_are_told_in_time_that_no_server_answers() {
    let mut server = Server::start(RabbitMq::alone()).await;
    let broker = broker(&server);
    broker.publish("t", message("1")).await.unwrap();

    server.pause();
    let begun = Instant::now();
    let hangs = broker.publish("t", message("2")).await.unwrap_err();
    let told = begun.elapsed();
    server.resume();
    broker.publish("t", message("3")).await.unwrap();
    server.stop();
    // The connection may not know yet that it is broken.
    broker.publish("t", message("4")).await.unwrap_err();
    let away = broker.publish("t", message("5")).await.unwrap_err();
    let all = begun.elapsed();

    assert_eq!((hangs.code(), away.code()), (503, 503), "{hangs} {away}");
    assert!(!hangs.is_never_reached() && away.is_never_reached());
    assert!(told < Duration::from_secs(8), "{told:?}");
    assert!(all < Duration::from_secs(30), "{all:?}");
}

#[tokio::test]
async fn a_subscription_goes_on_after_the_server_came_back_with_nothing() {
    let mut server = Server::start(RabbitMq::alone()).await;
    let broker = broker(&server);
    let (_member, mut seen) = member(&broker, "t", Terms::new(Mode::group("g"))).await;
    let (_all, mut all) = member(&broker, "t", Terms::new(Mode::Broadcast)).await;

    server.restart_empty().await;
    let mut number = 0;
    // It is there once it takes messages; what came before is for nobody.
    while seen.is_empty() || all.is_empty() {
        number += 1;
        let published = broker.publish("t", message(number)).await;
        assert!(published.is_ok() || number < 20, "{published:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(number < 200, "nothing came");
    }

    assert!(next(&mut seen).await.parse::<u32>().unwrap() <= number);
    assert!(next(&mut all).await.parse::<u32>().unwrap() <= number);
}

/// Publishes numbers until `end`, each until it is confirmed; tells how many tries failed.
async fn publish_until(broker: RabbitMqBroker, end: Instant) -> (u32, u32) {
    let (mut number, mut failed) = (0, 0);
    while Instant::now() < end {
        match broker.publish("t", message(number)).await {
            Ok(()) => number += 1,
            Err(error) => {
                assert_eq!(error.code(), 503, "{error}");
                failed += 1;
            }
        }
    }
    (number, failed)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_confirmed_message_is_lost_while_the_server_is_away_for_half_a_minute() {
    let mut server = Server::start(RabbitMq::alone()).await;
    let (_member, mut seen) = member(&broker(&server), "t", durable()).await;
    let end = Instant::now() + Duration::from_secs(45);
    let publishing = tokio::spawn(publish_until(broker(&server), end));

    let first = next(&mut seen).await;
    server.stop();
    // For so long it is away.
    tokio::time::sleep(Duration::from_secs(30)).await;
    server.restart().await;
    let (confirmed, failed) = publishing.await.unwrap();

    let (mut got, mut handed) = (HashSet::from([first]), 1);
    while got.len() < confirmed as usize {
        got.insert(next(&mut seen).await);
        handed += 1;
    }
    println!(
        "rabbitmq, away for 30 s: {confirmed} messages confirmed, none lost, {} came twice; {failed} publishers were told that it was away",
        handed - got.len()
    );
    assert!(failed > 0);
}
