//! What stands round subscribers and publishers: the same wrappers as round calls.

use std::time::Duration;

use micro::message::Body;
use micro::prelude::*;
use micro::{Error, Running, Service, wrapper};
use tests::System;
use tokio::sync::mpsc;

type Told = mpsc::UnboundedReceiver<String>;

/// A service whose subscriber of `topic` tells what it got, and by whom it was marked.
async fn listener(service: Service) -> (Running, Told) {
    let (tell, told) = mpsc::unbounded_channel();
    let handle = subscriber(
        "topic",
        Mode::group("g"),
        move |ctx: Context, event: Plain<u32>| {
            let mark = ctx.metadata().get("x-mark").unwrap_or("nobody");
            let said = format!("{} {mark} {}", event.0, ctx.attempt());
            tell.send(said).unwrap();
            async { Ok::<_, Error>(()) }
        },
    );
    (service.subscriber(handle).start().await.unwrap(), told)
}

/// A wrapper that adds itself to the mark.
fn mark(name: &'static str) -> impl wrapper::Wrapper {
    wrapper::from_fn(move |_: Context, mut request: Request, next: Next| {
        let before = request.metadata.get("x-mark").unwrap_or_default();
        let marked = format!("{before}{name}");
        request.metadata.set("x-mark", &marked);
        next.run(request)
    })
}

async fn publish(service: &Service) {
    let publisher = service.publisher::<Plain<u32>>("topic");
    publisher.publish(&Plain(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn wrappers_of_subscribers_stand_round_them_the_first_one_outermost() {
    let system = System::default();
    let service = system.service("a").await;
    let service = service
        .wrap_subscriber(mark("b"))
        .wrap_subscriber(mark("c"));
    let (_a, mut told) = listener(service).await;

    publish(&system.service("client").await).await;

    assert_eq!(told.recv().await.unwrap(), "1 bc 1");
}

#[tokio::test(start_paused = true)]
async fn wrappers_of_publishers_stand_round_them_the_first_one_outermost() {
    let system = System::default();
    let (_a, mut told) = listener(system.service("a").await).await;
    let service = system.service("client").await;

    publish(&service.wrap_publisher(mark("b")).wrap_publisher(mark("c"))).await;

    assert_eq!(told.recv().await.unwrap(), "1 bc 1");
}

/// A wrapper that tells what it sees, and hands it on.
fn tell(to: mpsc::UnboundedSender<String>) -> impl wrapper::Wrapper {
    wrapper::from_fn(move |_: Context, request: Request, next: Next| {
        let to = to.clone();
        async move {
            let Body::Bytes(body) = &request.body else {
                return Err(Error::internal("test", "a message is no stream"));
            };
            let (service, topic) = (&request.service, &request.endpoint);
            to.send(format!("{service} {topic} {body:?}")).unwrap();
            let response = next.run(request).await?;
            assert!(response.body.into_bytes()?.is_empty());
            Ok(Response::new(
                micro::message::ContentType::JSON,
                Body::default(),
            ))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_wrapper_of_subscribers_sees_a_request_of_the_topic() {
    let (system, (to, mut seen)) = (System::default(), mpsc::unbounded_channel());
    let service = system.service("a").await.wrap_subscriber(tell(to));
    let (_a, mut told) = listener(service).await;

    publish(&system.service("client").await).await;

    assert_eq!(seen.recv().await.unwrap(), r#"a topic b"1""#);
    assert_eq!(told.recv().await.unwrap(), "1 nobody 1");
}

#[tokio::test(start_paused = true)]
async fn a_wrapper_of_publishers_sees_a_request_of_the_topic() {
    let (system, (to, mut seen)) = (System::default(), mpsc::unbounded_channel());
    let service = system.service("client").await.wrap_publisher(tell(to));

    publish(&service).await;

    assert_eq!(seen.recv().await.unwrap(), r#"client topic b"1""#);
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_tower_that_gives_up_has_the_message_tried_again() {
    let system = System::default();
    let slow = wrapper::from_fn(async |ctx: Context, request: Request, next: Next| {
        if ctx.attempt() == 1 {
            std::future::pending::<()>().await;
        }
        next.run(request).await
    });
    let timeout = tower::timeout::TimeoutLayer::new(Duration::from_secs(1));
    let service = system.service("a").await;
    let (_a, mut told) = listener(service.wrap_subscriber(timeout).wrap_subscriber(slow)).await;

    publish(&system.service("client").await).await;

    assert_eq!(told.recv().await.unwrap(), "1 nobody 2");
}
