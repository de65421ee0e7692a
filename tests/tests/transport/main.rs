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
    Accept, AutoTransport, Channel, Facts, FramesTransport, HttpTransport, Listener, Transport,
    WebSocketTransport,
};
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
