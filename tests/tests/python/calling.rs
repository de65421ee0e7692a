//! A service of grpcio, called by our typed client.

use micro::Service;
use micro::prelude::*;
use micro::registry::{MemoryRegistry, Node, Registry as _};
use micro::transport::{GrpcTransport, Limits};
use tests::greeter::{Empty, Failure, GreeterClient, HelloRequest, Line, Number, Range, Time};

use crate::peer::{Python, Server};

/// How a client of ours comes to speak gRPC.
enum By {
    Transport,
    Record,
}

/// A client of ours, and whom it calls.
struct Called {
    greeter: GreeterClient,
    _service: Service,
    _server: Server,
}

impl Called {
    async fn new(by: By) -> Self {
        let server = Python::new().await.serve().await;
        let registry = MemoryRegistry::default();
        let mut node = Node {
            id: "greeter-1".to_owned(),
            address: server.address.clone(),
            ..Node::default()
        };
        let mut builder = Service::builder("client");
        match by {
            By::Transport => builder = builder.transport(GrpcTransport::new(Limits::default())),
            By::Record => node.metadata = [("protocol".to_owned(), "grpc".to_owned())].into(),
        }
        let record = micro::registry::Service {
            name: "greeter".to_owned(),
            nodes: vec![node],
            ..Default::default()
        };
        registry.register(&record, None).await.unwrap();
        let service = builder.registry(registry).build().await.unwrap();
        Self {
            greeter: GreeterClient::new(&service),
            _service: service,
            _server: server,
        }
    }

    async fn hello(&self) -> String {
        let name = "Jürgen".to_owned();
        let call = self.greeter.hello(HelloRequest { name });
        call.await.unwrap().greeting
    }
}

fn number(value: i64) -> Number {
    Number { value, last: false }
}

#[tokio::test]
async fn a_call_over_the_transport_of_grpc_is_answered() {
    let called = Called::new(By::Transport).await;

    assert_eq!(called.hello().await, "Hello Jürgen");
}

#[tokio::test]
async fn a_node_whose_record_says_grpc_is_called_so_by_the_default_transport() {
    let called = Called::new(By::Record).await;

    assert_eq!(called.hello().await, "Hello Jürgen");
}

#[tokio::test]
async fn a_status_is_an_error_with_its_code_and_message() {
    let called = Called::new(By::Record).await;
    let failure = Failure {
        code: 409,
        detail: "no <room>".to_owned(),
    };

    let error = called.greeter.fail(failure).await.unwrap_err();

    assert_eq!(error.code(), 409);
    assert!(error.detail().contains("no <room>"), "{error}");
    assert!(error.is_downstream());
}

#[tokio::test]
async fn metadata_crosses() {
    let called = Called::new(By::Record).await;

    let call = called.greeter.metadata(Empty {}).metadata("x-user", "42");
    let values = call.await.unwrap().values;

    assert_eq!(values.get("x-user").map(String::as_str), Some("42"));
}

#[tokio::test]
async fn the_deadline_is_the_servers() {
    let called = Called::new(By::Record).await;

    let call = called.greeter.deadline(Empty {});
    let left = call.timeout(Duration::from_secs(40)).await.unwrap().millis;

    assert!((20_000..=40_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_deadline_that_passes_is_an_error() {
    let called = Called::new(By::Record).await;

    let call = called.greeter.wait(Time::default());
    let error = call.timeout(Duration::from_secs(1)).await.unwrap_err();

    // Ours says the first, grpcio the second: both wait for the same moment.
    assert!(matches!(error.code(), 408 | 504), "{error}");
}

#[tokio::test]
async fn a_server_stream_comes_up_to_its_error() {
    let called = Called::new(By::Record).await;

    let range = Range { to: 2, fail: true };
    let mut values = called.greeter.count(range).await.unwrap();

    for value in 1..=2 {
        assert_eq!(values.next().await.unwrap().unwrap(), number(value));
    }
    assert_eq!(values.next().await.unwrap().unwrap_err().code(), 409);
    assert!(values.next().await.is_none());
}

#[tokio::test]
async fn a_client_stream_is_answered_once() {
    let called = Called::new(By::Record).await;

    let numbers = stream::iter((1..=3).map(number));
    let sum = called.greeter.sum(numbers).await.unwrap();

    assert_eq!(sum.value, 6);
}

#[tokio::test]
async fn both_sides_of_a_stream_go_on_together() {
    let called = Called::new(By::Record).await;
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let line = |text: &str| Line {
        text: text.to_owned(),
    };

    sender.send(line("a")).unwrap();
    let lines = stream::poll_fn(move |cx| lines.poll_recv(cx));
    let mut echoes = called.greeter.echo(lines).await.unwrap();
    let first = echoes.next().await.unwrap().unwrap();
    sender.send(line("b")).unwrap();
    let second = echoes.next().await.unwrap().unwrap();
    drop(sender);

    assert_eq!((&*first.text, &*second.text), ("a", "b"));
    assert!(echoes.next().await.is_none());
}
