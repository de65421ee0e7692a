//! What every transport promises: the lines of [`Channel`]'s behavior.

mod call;
mod outage;
mod stream;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::row::Line;
use super::{ID, Server, soon, take};
use crate::error::{Error, Result};
use crate::message::{Body, ContentType, Request, Response};
use crate::transport::{Accept, Channel, Facts, Listener, Transport};

/// Two ends of one transport: what listens at one is called from the other.
pub struct Ends {
    here: Arc<dyn Transport>,
    there: Arc<dyn Transport>,
    address: String,
    server: Option<Box<dyn Server>>,
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl Ends {
    /// `here` calls what listens at any free port of loopback `there`.
    pub fn new(here: Arc<dyn Transport>, there: Arc<dyn Transport>) -> Self {
        Self {
            here,
            there,
            address: "127.0.0.1:0".to_owned(),
            server: None,
            kept: None,
        }
    }

    /// Has it listen at `address`, for transports whose addresses are of another kind.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Checks are to stop this server, which both ends use.
    pub fn server(mut self, server: impl Server + 'static) -> Self {
        self.server = Some(Box::new(server));
        self
    }

    /// Keeps what both ends stand on for as long as they are used.
    pub fn keeping(mut self, kept: impl Any + Send + Sync) -> Self {
        self.kept = Some(Box::new(kept));
        self
    }

    fn streams(&self) -> bool {
        self.here.capabilities().streams
    }

    fn refuses_streams(&self) -> bool {
        !self.streams()
    }

    fn cancels(&self) -> bool {
        self.here.capabilities().cancels
    }

    fn cancels_streams(&self) -> bool {
        self.streams() && self.cancels()
    }

    fn take_server(&mut self) -> Result<Box<dyn Server>> {
        take(&mut self.server)
    }

    /// A node that answers by `handler`, and the way to it.
    async fn node<F, Fut>(&self, handler: F) -> Result<Node>
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response>> + Send + 'static,
    {
        let accept = Arc::new(Handler(handler));
        let listener = self.there.listen(&self.address, accept).await?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let facts: Facts = self.there.facts().iter().map(owned).collect();
        let channel = self.here.dial(listener.address(), &facts)?;
        Ok(Node { channel, listener })
    }
}

impl fmt::Debug for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ends").field(&self.here).finish()
    }
}

/// Answers by a function; an endpoint whose name begins with `Stream` streams.
struct Handler<F>(F);

impl<F, Fut> Accept for Handler<F>
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    fn streams(&self, head: &Request) -> bool {
        head.endpoint.starts_with("Stream")
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        Box::pin((self.0)(request))
    }
}

/// A node, and a channel to it.
struct Node {
    channel: Arc<dyn Channel>,
    listener: Box<dyn Listener>,
}

impl Node {
    async fn call(&self, body: impl Into<Bytes>) -> Result<Bytes> {
        let mut request = request("Greeter.Hello");
        request.body = Body::Bytes(body.into());
        self.channel.call(request).await?.body.into_bytes()
    }
}

fn request(endpoint: &'static str) -> Request {
    let mut request = Request::new("greeter", endpoint);
    request.content_type = ContentType::JSON;
    request
}

async fn echo(request: Request) -> Result<Response> {
    Ok(Response::new(request.content_type, request.body))
}

/// What becomes of a call that nobody answers.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Called,
    Dropped,
}

/// A handler that waits for ever, and tells when that begins and when it is dropped.
fn waiting() -> (
    impl Fn(Request) -> BoxFuture<'static, Result<Response>> + Send + Sync,
    mpsc::UnboundedReceiver<Fate>,
) {
    struct Guard(mpsc::UnboundedSender<Fate>);

    impl Drop for Guard {
        fn drop(&mut self) {
            // A check that has ended looks no more.
            self.0.send(Fate::Dropped).ok();
        }
    }

    let (tell, told) = mpsc::unbounded_channel();
    let handler = move |_| -> BoxFuture<'static, Result<Response>> {
        let guard = Guard(tell.clone());
        Box::pin(async move {
            guard.0.send(Fate::Called).ok();
            std::future::pending().await
        })
    };
    (handler, told)
}

/// Waits until the handler of `call` runs.
async fn begun<T: fmt::Debug>(
    call: impl Future<Output = T>,
    told: &mut mpsc::UnboundedReceiver<Fate>,
) -> Result<()> {
    let fate = soon("a call", async {
        tokio::select! {
            answer = call => Err(Error::internal(ID, format!("answered: {answer:?}"))),
            fate = told.recv() => Ok(fate),
        }
    });
    assert_eq!(fate.await??, Some(Fate::Called));
    Ok(())
}

/// All of them.
pub fn lines() -> Vec<Line<Ends>> {
    let by_subject = [call::lines(), stream::lines(), outage::lines()];
    by_subject.into_iter().flatten().collect()
}
