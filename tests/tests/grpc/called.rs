//! Our service, called by tonic.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::mpsc;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request};

use crate::greeter;
use crate::peer::{Client, Greeting, Number, name, numbers};

#[tokio::test]
async fn a_call_is_answered() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let reply = client.hello(Request::new(name("Ann"))).await.unwrap();

    assert_eq!(reply.text, "Hello Ann");
}

#[tokio::test]
async fn an_error_is_a_status_with_its_detail() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let status = client.hello(Request::new(name("taken"))).await.unwrap_err();

    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(status.message(), "taken");
}

#[tokio::test]
async fn a_go_micro_client_reads_the_whole_error_in_the_message() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    let mut request = Request::new(name("taken"));
    let protobuf = "application/protobuf".parse().unwrap();
    request.metadata_mut().insert("x-content-type", protobuf);

    let status = client.hello(request).await.unwrap_err();

    let error = micro::Error::from_wire(status.message());
    assert_eq!((error.code(), error.id()), (409, "hello.world"));
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let status = client.hello(Request::new(name("panic"))).await.unwrap_err();

    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test]
async fn metadata_is_the_handlers() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    let mut request = Request::new(name("x-user"));
    request
        .metadata_mut()
        .insert("x-user", "42".parse().unwrap());

    let reply = client
        .unary::<_, Greeting>("Metadata", request)
        .await
        .unwrap();

    assert_eq!(reply.into_inner().text, "42");
}

#[tokio::test]
async fn the_headers_of_grpc_are_no_metadata() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    for own in ["grpc-timeout", "grpc-accept-encoding", "te", "user-agent"] {
        let mut request = Request::new(name(own));
        request.set_timeout(Duration::from_secs(5));
        let reply = client
            .unary::<_, Greeting>("Metadata", request)
            .await
            .unwrap();

        assert_eq!(reply.into_inner().text, "none", "{own}");
    }
}

#[tokio::test]
async fn the_deadline_is_the_handlers() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    let mut request = Request::new(name(""));
    request.set_timeout(Duration::from_secs(5));

    let reply = client.unary::<_, Number>("Left", request).await.unwrap();

    let left = Duration::from_millis(reply.into_inner().value.try_into().unwrap());
    assert!(
        left > Duration::from_secs(2) && left <= Duration::from_secs(5),
        "{left:?}"
    );
}

#[tokio::test]
async fn a_deadline_that_passes_is_a_status() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    let mut request = Request::new(name(""));
    // tonic's client would not wait for the answer by its own header; this one is go-micro's, in nanoseconds.
    request
        .metadata_mut()
        .insert("timeout", "20000000".parse().unwrap());

    let status = client
        .unary::<_, Greeting>("Wait", request)
        .await
        .unwrap_err();

    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn what_is_not_there_is_unimplemented() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let status = client
        .unary::<_, Greeting>("Nothing", Request::new(name("")))
        .await
        .unwrap_err();

    assert_eq!(status.code(), Code::Unimplemented);
    assert!(
        status.message().contains("/hello.world.Greeter/Nothing"),
        "{status:?}"
    );
}

#[tokio::test]
async fn a_server_stream_comes_up_to_its_error() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let mut items = client.count(5).await.unwrap();

    for value in 0..3 {
        assert_eq!(items.message().await.unwrap(), Some(Number { value }));
    }
    assert_eq!(
        items.message().await.unwrap_err().code(),
        Code::AlreadyExists
    );
}

#[tokio::test]
async fn a_server_stream_ends_well() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let items: Vec<_> = client
        .count(3)
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await;

    assert_eq!(items, numbers(0..3));
}

#[tokio::test]
async fn a_client_stream_is_answered_once() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let sum = client.sum(numbers(1..4)).await.unwrap();

    assert_eq!(sum.value, 6);
}

#[tokio::test]
async fn both_sides_of_a_stream_go_on_together() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    let (sender, mut sent) = mpsc::unbounded_channel();
    sender.send(Number { value: 1 }).unwrap();

    let mut items = client
        .double(stream::poll_fn(move |cx| sent.poll_recv(cx)).boxed())
        .await
        .unwrap();
    let first = items.message().await.unwrap();
    sender.send(Number { value: 2 }).unwrap();
    let second = items.message().await.unwrap();
    drop(sender);

    assert_eq!(
        (first, second),
        (Some(Number { value: 2 }), Some(Number { value: 4 }))
    );
    assert_eq!(items.message().await.unwrap(), None);
}

#[tokio::test]
async fn messages_are_compressed_for_who_asks() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;
    client.0 = client
        .0
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);

    let reply = client
        .unary::<_, Greeting>("Hello", Request::new(name(&"a".repeat(10_000))))
        .await
        .unwrap();

    assert_eq!(reply.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert_eq!(reply.into_inner().text.len(), 10_006);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused() {
    let service = greeter().await;
    let mut client = Client::connect(service.address()).await;

    let status = client
        .hello(Request::new(name(&"a".repeat(5 << 20))))
        .await
        .unwrap_err();

    assert_eq!(status.code(), Code::OutOfRange);
}
