//! The brokers on NATS, beside go-micro's.

use micro::broker::{Broker, JetStreamBroker, NatsBroker, Options};
use micro::prelude::*;
use micro::registry::MemoryRegistry;
use micro::{Error, Running, Service};
use tests::go::{Go, Peer};
use tests::servers::{Nats, Server};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::fleet::{HelloRequest, SOON};

/// A service whose messages go through `broker`.
async fn service(name: &'static str, broker: impl Broker + 'static) -> Service {
    let builder = Service::builder(name).registry(MemoryRegistry::new());
    builder.broker(broker).build().await.unwrap()
}

/// Who hears what is published to `greetings`, and tells the names.
async fn listener(broker: impl Broker + 'static) -> (Running, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let heard = move |_: Context, request: HelloRequest| {
        let told = tell.send(request.name);
        std::future::ready(told.map_err(|_| Error::internal("listener", "nobody listens")))
    };
    let mode = Mode::group("ours");
    let listening = service("listener", broker).await;
    let listening = listening.subscriber(subscriber("greetings", mode, heard));
    (listening.start().await.unwrap(), told)
}

fn options(server: &Server<Nats>) -> Options {
    let mut options = Options::default();
    options.addresses = vec![server.address()];
    options
}

/// go-micro publishes, to one of ours over `broker`.
async fn is_heard(server: &Server<Nats>, broker: impl Broker + 'static) {
    let (_listener, mut told) = listener(broker).await;
    let at = format!("--broker=nats={}", server.address());

    let _go = Go::V1.start(["publisher", &at, r#"{"name":"Ann"}"#]);

    let name = timeout(SOON, told.recv()).await.expect("nothing came");
    assert_eq!(name.unwrap(), "Ann");
}

/// Ours publishes over `broker`, to a subscriber of go-micro.
async fn hears(server: &Server<Nats>, broker: impl Broker + 'static) {
    let at = format!("--broker=nats={}", server.address());
    let mut go: Peer = Go::V1.start(["subscriber", "--queue=theirs", &at]);
    let publisher = service("publisher", broker).await;
    let name = "Bob".to_owned();

    let greetings = publisher.publisher::<HelloRequest>("greetings");
    greetings.publish(&HelloRequest { name }).await.unwrap();

    assert!(go.line().contains("Bob"));
}

// The programs of go-micro block the thread that runs them.
#[tokio::test(flavor = "multi_thread")]
async fn what_go_micro_publishes_comes_to_ours() {
    let server = Server::start(Nats::alone()).await;

    is_heard(&server, NatsBroker::new(&options(&server)).unwrap()).await;
    is_heard(&server, JetStreamBroker::new(&options(&server)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ours_publish_comes_to_go_micro() {
    let server = Server::start(Nats::alone()).await;

    hears(&server, NatsBroker::new(&options(&server)).unwrap()).await;
    hears(&server, JetStreamBroker::new(&options(&server)).unwrap()).await;
}

#[tokio::test]
async fn a_server_that_was_stopped_is_back_at_its_address() {
    let mut server = Server::start(Nats::alone()).await;
    let address = server.address();
    server.stop();
    assert!(TcpStream::connect(&address).await.is_err());

    server.restart().await;

    assert_eq!(server.address(), address);
    assert!(TcpStream::connect(&address).await.is_ok());
}
