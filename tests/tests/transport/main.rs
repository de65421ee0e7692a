//! What every transport promises: one test for each line of `Channel`'s and `Accept`'s behaviour, run over all of them.

mod auto;
mod pool;
mod websocket;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, SinkExt};
use micro::message::{Body, ContentType, Request, Response};
use micro::prelude::*;
use micro::transport::{
    Accept, AutoTransport, Channel, Facts, FramesTransport, HttpTransport, Listener,
    MemoryTransport, Transport, WebSocketTransport,
};
use micro::{Error, Result};
use tokio::sync::mpsc;

/// Answers by a function; an endpoint whose name begins with `Stream` streams.
pub struct Handler<F>(F);

impl<F, Fut> Accept for Handler<F>
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    fn streams(&self, head: &Request) -> bool {
        head.endpoint.starts_with("Stream")
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        (self.0)(request).boxed()
    }
}

/// A node, and a channel to it.
pub struct Pair {
    pub channel: Arc<dyn Channel>,
    pub listener: Box<dyn Listener>,
}

impl Pair {
    pub async fn new<F, Fut>(transport: &dyn Transport, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let listener = transport
            .listen("127.0.0.1:0", Arc::new(Handler(handler)))
            .await
            .unwrap();
        let facts = transport.facts().iter();
        let facts: Facts = facts
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let channel = transport.dial(listener.address(), &facts).unwrap();
        Self { channel, listener }
    }

    pub async fn call(&self, body: impl Into<Bytes>) -> Result<Bytes> {
        let mut request = request("Greeter.Hello");
        request.body = Body::Bytes(body.into());
        self.channel.call(request).await?.body.into_bytes()
    }
}

pub fn request(endpoint: &'static str) -> Request {
    let mut request = Request::new("greeter", endpoint);
    request.content_type = ContentType::JSON;
    request
}

pub async fn echo(request: Request) -> Result<Response> {
    Ok(Response::new(request.content_type, request.body))
}

macro_rules! over_every_transport {
    ($($behaviour:ident)*) => {
        mod over_memory {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::MemoryTransport::new()).await;
            })*
        }

        mod over_http {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::HttpTransport::default()).await;
            })*
        }

        mod over_frames {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::FramesTransport::default()).await;
            })*
        }

        mod over_websocket {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::WebSocketTransport::default()).await;
            })*
        }

        mod over_both_on_one_port {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::AutoTransport::default()).await;
            })*
        }
    };
}

over_every_transport! {
    a_call_is_carried_there_and_back
    calls_at_once_each_get_their_own_answer
    an_error_that_the_far_end_answered_is_downstream
    an_error_is_marked_never_reached_only_if_no_handler_can_have_seen_the_request
    an_error_that_is_marked_never_reached_arrives_so_marked
    dropping_the_future_cancels_the_call_at_the_far_end
    the_requests_deadline_travels_with_it
    metadata_travels_both_ways
    a_node_that_is_not_there_was_never_reached
    closing_a_listener_ends_its_calls
}

async fn a_call_is_carried_there_and_back(transport: &dyn Transport) {
    let pair = Pair::new(transport, echo).await;

    assert_eq!(pair.call("\"hello\"").await.unwrap(), "\"hello\"");
}

async fn calls_at_once_each_get_their_own_answer(transport: &dyn Transport) {
    let pair = Pair::new(transport, echo).await;

    let replies = join_all((0..200).map(|number: u32| pair.call(number.to_string()))).await;

    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.unwrap(), number.to_string());
    }
}

async fn an_error_that_the_far_end_answered_is_downstream(transport: &dyn Transport) {
    let pair = Pair::new(transport, async |_| {
        Err(Error::conflict("greeter", "taken"))
    })
    .await;

    let error = pair.call("1").await.unwrap_err();

    assert!(error.is_downstream());
    assert_eq!(
        (error.code(), error.id(), error.detail()),
        (409, "greeter", "taken")
    );
}

async fn an_error_is_marked_never_reached_only_if_no_handler_can_have_seen_the_request(
    transport: &dyn Transport,
) {
    let pair = Pair::new(transport, async |_| {
        Err(Error::unavailable("greeter", "busy"))
    })
    .await;

    assert!(!pair.call("1").await.unwrap_err().is_never_reached());
}

async fn an_error_that_is_marked_never_reached_arrives_so_marked(transport: &dyn Transport) {
    let refuse = async |_| Err(Error::unavailable("greeter", "stopping").never_reached());
    let pair = Pair::new(transport, refuse).await;

    assert!(pair.call("1").await.unwrap_err().is_never_reached());
}

/// Waits for ever, and tells when that begins and when it is dropped.
fn waiting() -> (
    impl Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync,
    mpsc::UnboundedReceiver<&'static str>,
) {
    struct Guard(mpsc::UnboundedSender<&'static str>);

    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    let (tell, told) = mpsc::unbounded_channel();
    let handler = move |_| {
        let guard = Guard(tell.clone());
        async move {
            guard.0.send("called").unwrap();
            std::future::pending().await
        }
        .boxed()
    };
    (handler, told)
}

async fn dropping_the_future_cancels_the_call_at_the_far_end(transport: &dyn Transport) {
    let (handler, mut told) = waiting();
    let pair = Pair::new(transport, handler).await;
    let mut call = Box::pin(pair.call("1"));
    tokio::select! {
        _ = &mut call => unreachable!(),
        word = told.recv() => assert_eq!(word, Some("called")),
    }

    drop(call);

    assert_eq!(told.recv().await, Some("dropped"));
}

async fn closing_a_listener_ends_its_calls(transport: &dyn Transport) {
    let (handler, mut told) = waiting();
    let pair = Pair::new(transport, handler).await;
    let mut call = Box::pin(pair.call("1"));
    tokio::select! {
        _ = &mut call => unreachable!(),
        word = told.recv() => assert_eq!(word, Some("called")),
    }

    pair.listener.close();

    let error = call.await.unwrap_err();
    assert!(
        !error.is_never_reached() && !error.is_downstream(),
        "{error}"
    );
    assert_eq!(told.recv().await, Some("dropped"));
}

async fn the_requests_deadline_travels_with_it(transport: &dyn Transport) {
    let left = async |request: Request| {
        let left = request
            .deadline
            .unwrap()
            .saturating_duration_since(std::time::Instant::now());
        let body = Body::Bytes(left.as_secs().to_string().into());
        Ok(Response::new(request.content_type, body))
    };
    let pair = Pair::new(transport, left).await;
    let mut call = request("Greeter.Hello");
    call.deadline = Some(std::time::Instant::now() + Duration::from_secs(100));
    call.body = Body::Bytes("1".into());

    let answer = pair
        .channel
        .call(call)
        .await
        .unwrap()
        .body
        .into_bytes()
        .unwrap();

    assert_eq!(answer, "99");
}

async fn metadata_travels_both_ways(transport: &dyn Transport) {
    let answer = async |request: Request| {
        let mut response = Response::new(request.content_type, request.body);
        response
            .metadata
            .set("x-answer", request.metadata.get("X-Question").unwrap());
        Ok(response)
    };
    let pair = Pair::new(transport, answer).await;
    let mut call = request("Greeter.Hello");
    call.metadata.set("x-question", "why?");
    call.body = Body::Bytes("1".into());

    let reply = pair.channel.call(call).await.unwrap();

    assert_eq!(reply.metadata.get("X-Answer"), Some("why?"));
}

async fn a_node_that_is_not_there_was_never_reached(transport: &dyn Transport) {
    let pair = Pair::new(transport, echo).await;
    let address = pair.listener.address().to_owned();
    pair.listener.drain().await;
    drop(pair);
    let channel = transport.dial(&address, &Facts::new()).unwrap();

    let error = channel.call(request("Greeter.Hello")).await.unwrap_err();

    assert_eq!(error.code(), 503);
    assert!(
        error.is_never_reached() && error.detail().contains(&address),
        "{error}"
    );
}

macro_rules! over_every_transport_of_streams {
    ($($behaviour:ident)*) => {
        mod streams_over_memory {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::MemoryTransport::new()).await;
            })*
        }

        mod streams_over_http {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::HttpTransport::default()).await;
            })*
        }

        mod streams_over_frames {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::FramesTransport::default()).await;
            })*
        }

        mod streams_over_both_on_one_port {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour(&super::AutoTransport::default()).await;
            })*
        }
    };
}

over_every_transport_of_streams! {
    messages_can_be_written_once_the_stream_is_open
    whether_the_far_end_accepts_the_stream_the_incoming_half_says
    dropping_the_socket_cancels_the_stream_at_the_far_end
    messages_go_both_ways_and_each_half_ends_by_itself
    an_error_of_the_far_ends_stream_arrives_behind_what_came_before
}

async fn messages_can_be_written_once_the_stream_is_open(transport: &dyn Transport) {
    let pair = Pair::new(transport, echo).await;
    let mut socket = pair.channel.open(request("Stream.Echo")).await.unwrap();

    let written = socket.outgoing.send(Ok("1".into())).await;

    assert!(written.is_ok());
}

async fn whether_the_far_end_accepts_the_stream_the_incoming_half_says(transport: &dyn Transport) {
    let pair = Pair::new(transport, async |_| {
        Err(Error::forbidden("greeter", "not you"))
    })
    .await;
    let socket = pair.channel.open(request("Stream.Echo")).await.unwrap();

    let error = socket.incoming.await.unwrap_err();

    assert_eq!(error.code(), 403);
}

async fn dropping_the_socket_cancels_the_stream_at_the_far_end(transport: &dyn Transport) {
    let (handler, mut told) = waiting();
    let pair = Pair::new(transport, handler).await;
    let mut socket = pair.channel.open(request("Stream.Echo")).await.unwrap();
    tokio::select! {
        _ = &mut socket.incoming => unreachable!(),
        word = told.recv() => assert_eq!(word, Some("called")),
    }

    drop(socket);

    assert_eq!(told.recv().await, Some("dropped"));
}

async fn messages_go_both_ways_and_each_half_ends_by_itself(transport: &dyn Transport) {
    let pair = Pair::new(transport, echo).await;
    let mut socket = pair.channel.open(request("Stream.Echo")).await.unwrap();
    let mut incoming = socket.incoming.await.unwrap().body.into_stream();

    for number in 0..3_u32 {
        let message = Ok(number.to_string().into());
        socket.outgoing.send(message).await.unwrap();
        assert_eq!(incoming.next().await.unwrap().unwrap(), number.to_string());
    }
    socket.outgoing.close().await.unwrap();

    assert!(incoming.next().await.is_none());
}

async fn an_error_of_the_far_ends_stream_arrives_behind_what_came_before(
    transport: &dyn Transport,
) {
    let fail = async |request: Request| {
        let items = [
            Ok(Bytes::from("1")),
            Err(Error::conflict("greeter", "taken")),
        ];
        let body = Body::Stream(stream::iter(items).boxed());
        Ok(Response::new(request.content_type, body))
    };
    let pair = Pair::new(transport, fail).await;
    let socket = pair.channel.open(request("Stream.Echo")).await.unwrap();
    let mut incoming = socket.incoming.await.unwrap().body.into_stream();

    assert_eq!(incoming.next().await.unwrap().unwrap(), "1");
    let error = incoming.next().await.unwrap().unwrap_err();
    assert_eq!((error.is_downstream(), error.detail()), (true, "taken"));
    assert!(incoming.next().await.is_none());
}
