//! A server of tonic, called by our clients.

use micro::Service;
use micro::prelude::*;
use micro::registry::{MemoryRegistry, Node, Registry as _};
use micro::transport::{GrpcTransport, Limits};

use crate::{GreeterClient, Name, Number, Refused, greeter, peer};

async fn client() -> Service {
    Service::builder("client")
        .registry(MemoryRegistry::default())
        .transport(GrpcTransport::new(Limits::default()))
        .build()
        .await
        .unwrap()
}

fn name(name: &str) -> Name {
    Name {
        name: name.to_owned(),
    }
}

#[tokio::test]
async fn a_call_is_answered() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);

    let reply = greeter.hello(name("Ann")).address(address).await.unwrap();

    assert_eq!(reply.text, "Hello Ann");
}

#[tokio::test]
async fn a_status_is_an_error_with_its_code_and_message() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);

    let error = greeter
        .hello(name("taken"))
        .address(address)
        .await
        .unwrap_err();

    assert_eq!(error.code(), 409);
    assert!(error.detail().contains("the name is taken"), "{error}");
    assert!(error.is_downstream());
}

#[tokio::test]
async fn metadata_the_time_left_and_the_media_type_cross() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);
    let ask = async |what| {
        let call = greeter.hello(name(what)).address(&address);
        call.metadata("x-user", "42")
            .timeout(Duration::from_secs(9))
            .await
            .unwrap()
            .text
    };

    assert_eq!(ask("metadata").await, "42");
    assert_eq!(ask("media").await, "application/grpc");
    let left = ask("timeout").await;
    assert!(left.starts_with(['8', '9']), "{left}");
}

#[tokio::test]
async fn a_server_stream_comes_up_to_its_error() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);

    let mut items = greeter
        .count(Number { value: 5 })
        .address(address)
        .await
        .unwrap();

    for value in 0..3 {
        assert_eq!(items.next().await.unwrap().unwrap(), Number { value });
    }
    assert_eq!(items.next().await.unwrap().unwrap_err().code(), 409);
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn a_client_stream_is_answered_once() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);

    let numbers = stream::iter((1..4).map(|value| Number { value }));
    let sum = greeter.sum(numbers).address(address).await.unwrap();

    assert_eq!(sum.value, 6);
}

#[tokio::test]
async fn both_sides_of_a_stream_go_on_together() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);
    let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();

    let numbers = stream::poll_fn(move |cx| sent.poll_recv(cx));
    let mut items = greeter.double(numbers).address(address).await.unwrap();
    sender.send(Number { value: 1 }).unwrap();
    let first = items.next().await.unwrap().unwrap();
    sender.send(Number { value: 2 }).unwrap();
    let second = items.next().await.unwrap().unwrap();
    drop(sender);

    assert_eq!((first.value, second.value), (2, 4));
    assert!(items.next().await.is_none());
}

#[tokio::test]
async fn a_server_that_has_said_nothing_refuses_a_stream_by_its_first_item() {
    let (address, service) = (peer::serve().await, client().await);
    let greeter = GreeterClient::new(&service);
    let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();

    let numbers = stream::poll_fn(move |cx| sent.poll_recv(cx));
    let mut items = greeter.double(numbers).address(address).await.unwrap();
    sender.send(Number { value: -1 }).unwrap();

    let refused = items.next().await.unwrap().unwrap_err();
    assert_eq!(refused.detail(), "less than nothing");
}

#[tokio::test]
async fn a_node_that_is_not_there_was_never_reached() {
    let service = client().await;
    let greeter = GreeterClient::new(&service);

    let error = greeter
        .hello(name("Ann"))
        .address("127.0.0.1:1")
        .await
        .unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(error.is_never_reached());
}

#[tokio::test]
async fn typed_errors_arrive_as_themselves_between_our_own_ends() {
    let (running, service) = (greeter().await, client().await);
    let greeter = GreeterClient::new(&service);

    let call = greeter.hello(name("taken")).address(running.address());
    let error = call.await.unwrap_err();

    let typed = error.typed::<Refused>();
    assert!(
        matches!(typed, Some(Refused::Taken { by }) if by == "Ann"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_node_whose_record_says_grpc_is_called_so_by_the_default_transport() {
    let registry = MemoryRegistry::default();
    let address = peer::serve().await;
    let node = Node {
        id: "hello.world-1".to_owned(),
        address,
        metadata: [("protocol".to_owned(), "grpc".to_owned())].into(),
    };
    let record = micro::registry::Service {
        name: "hello.world".to_owned(),
        nodes: vec![node],
        ..Default::default()
    };
    registry.register(&record, None).await.unwrap();
    let service = Service::builder("client")
        .registry(registry)
        .build()
        .await
        .unwrap();

    let reply = GreeterClient::new(&service)
        .hello(name("Ann"))
        .await
        .unwrap();

    assert_eq!(reply.text, "Hello Ann");
}

#[tokio::test]
async fn calls_go_on_after_a_server_has_restarted() {
    let (running, service) = (greeter().await, client().await);
    let address = running.address().to_owned();
    let greeter = GreeterClient::new(&service);
    greeter.hello(name("Ann")).address(&address).await.unwrap();

    running.stop().await;
    let again = crate::greeter_at(&address).await;
    let reply = greeter
        .hello(name("Bob"))
        .address(again.address())
        .await
        .unwrap();

    assert_eq!(reply.text, "Hello Bob");
}
