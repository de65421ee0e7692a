//! What transports promise beyond the contract that all of them keep.

mod auto;
mod pool;
mod websocket;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{FutureExt, SinkExt};
use micro::Result;
use micro::message::{Body, ContentType, Request, Response};
use micro::prelude::*;
use micro::transport::{
    Accept, AutoTransport, Capabilities, Channel, Facts, FramesTransport, HttpTransport, Listener,
    MemoryTransport, Transport, WebSocketTransport,
};
use tests::System;
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

/// Carries calls alone.
#[derive(Debug)]
struct WithoutStreams(MemoryTransport);

#[micro::async_trait]
impl Transport for WithoutStreams {
    fn dial(&self, address: &str, facts: &Facts) -> Result<Arc<dyn Channel>> {
        self.0.dial(address, facts)
    }

    async fn listen(&self, address: &str, accept: Arc<dyn Accept>) -> Result<Box<dyn Listener>> {
        self.0.listen(address, accept).await
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.streams = false;
        capabilities
    }

    fn name(&self) -> &'static str {
        "without-streams"
    }
}

struct Ticker;

#[micro::service(name = "ticker")]
impl Ticker {
    #[micro::handler]
    async fn once(&self, _request: Plain<u8>) -> Result<Plain<u8>> {
        Ok(Plain(1))
    }

    #[micro::handler]
    async fn tick(&self, _request: Plain<u8>) -> Result<impl Stream<Item = Result<Plain<u8>>>> {
        Ok(stream::iter([Ok(Plain(1))]))
    }
}

#[tokio::test]
async fn a_service_that_streams_does_not_start_on_a_transport_without_streams() {
    let system = System::default();
    let builder = system
        .builder("ticker")
        .transport(WithoutStreams(system.transport.clone()));
    let service = builder.build().await.unwrap();

    let error = service.handle(Ticker).start().await.unwrap_err();

    assert_eq!(error.code(), 400);
    assert!(error.detail().contains("Ticker.Tick streams"), "{error}");
}
