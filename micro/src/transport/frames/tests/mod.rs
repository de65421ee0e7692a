//! Two sides of one connection, over a pipe in memory.

mod calls;
mod flow;
mod limits;
mod slow;
mod steps;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::channel;
use super::client::Connection;
use super::server::serve;
use crate::error::{Error, Result};
use crate::listener::Site;
use crate::message::{Body, ContentType, Request, Response};
use crate::peer::Peer;
use crate::transport::{Accept, Limits};

/// Answers by a function.
struct Handler<F>(F);

impl<F, Fut> Accept for Handler<F>
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    fn streams(&self, _: &Request) -> bool {
        false
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        (self.0)(request).boxed()
    }
}

fn accept<F, Fut>(handler: F) -> Arc<dyn Accept>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    Arc::new(Handler(handler))
}

/// One that answers with what it was sent.
fn echo() -> Arc<dyn Accept> {
    accept(async |request: Request| Ok(Response::new(request.content_type, request.body)))
}

/// A connection, and the server behind it.
struct Pair {
    connection: Arc<Connection>,
    server: JoinHandle<()>,
    site: Arc<Site>,
}

impl Pair {
    async fn new(accept: Arc<dyn Accept>) -> Self {
        Self::with_limits(accept, Limits::default()).await
    }

    async fn with_limits(accept: Arc<dyn Accept>, limits: Limits) -> Self {
        // As small as a socket's buffer may be, so that both sides meet full ones.
        let (here, there) = duplex(16 << 10);
        let (server, site) = server(there, accept, limits.clone());
        let connection = Connection::start(here, "there".into(), &limits)
            .await
            .unwrap();
        Self {
            connection,
            server,
            site,
        }
    }

    async fn call(&self, body: impl Into<Bytes>) -> Result<Bytes> {
        let mut request = request();
        request.body = Body::Bytes(body.into());
        let answer = channel::call(None, Arc::clone(&self.connection), request).await?;
        answer.body.into_bytes()
    }
}

fn server(
    stream: DuplexStream,
    accept: Arc<dyn Accept>,
    limits: Limits,
) -> (JoinHandle<()>, Arc<Site>) {
    let site = Arc::new(Site::new(limits));
    let served = Arc::clone(&site);
    let server = tokio::spawn(async move {
        serve(stream, Peer::new("here"), accept, &served).await;
    });
    (server, site)
}

fn request() -> Request {
    let mut request = Request::new("greeter", "Greeter.Hello");
    request.content_type = ContentType::MSGPACK;
    request
}
