//! What answers in these tests.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use micro::message::{Body, ContentType, Request, Response};
use micro::transport::{Accept, HttpTransport, Limits, Listener, Transport};
use micro::{Error, Result};
use tokio::sync::mpsc;

struct Answer<F>(F);

impl<F, Fut> Accept for Answer<F>
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    fn streams(&self, head: &Request) -> bool {
        head.endpoint.ends_with(".Stream")
    }

    fn call(&self, request: Request) -> BoxFuture<'static, Result<Response>> {
        Box::pin((self.0)(request))
    }
}

/// Everything is answered by `answer`; what is called `.Stream` is a stream.
pub fn by<F, Fut>(answer: F) -> Arc<dyn Accept>
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response>> + Send + 'static,
{
    Arc::new(Answer(answer))
}

/// A reply with the request's content type.
pub fn reply(request: &Request, body: impl Into<Bytes>) -> Response {
    Response::new(request.content_type.clone(), Body::Bytes(body.into()))
}

/// Sends the request's own body back.
pub fn echo() -> Arc<dyn Accept> {
    by(|mut request| async move {
        let body = std::mem::take(&mut request.body).into_bytes()?;
        Ok(reply(&request, body))
    })
}

/// Answers each call with an empty message, and hands over what it was called with.
pub fn recording() -> (Arc<dyn Accept>, mpsc::UnboundedReceiver<Request>) {
    let (calls, seen) = mpsc::unbounded_channel();
    let accept = by(move |request| {
        let reply = reply(&request, "");
        calls.send(request).unwrap();
        async move { Ok(reply) }
    });
    (accept, seen)
}

/// Answers each call with an error.
pub fn failing(error: impl Fn() -> Error + Send + Sync + 'static) -> Arc<dyn Accept> {
    by(move |_| {
        let error = error();
        async move { Err(error) }
    })
}

/// Never answers; hands over a word when a call arrives and one when it is dropped.
pub fn pending() -> (Arc<dyn Accept>, mpsc::UnboundedReceiver<&'static str>) {
    struct Dropped(mpsc::UnboundedSender<&'static str>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.send("dropped");
        }
    }

    let (words, seen) = mpsc::unbounded_channel();
    let accept = by(move |_| {
        words.send("called").unwrap();
        let guard = Dropped(words.clone());
        async move {
            let _guard = guard;
            std::future::pending().await
        }
    });
    (accept, seen)
}

pub async fn listen(accept: Arc<dyn Accept>) -> Box<dyn Listener> {
    listen_with(Limits::default(), accept).await
}

pub async fn listen_with(limits: Limits, accept: Arc<dyn Accept>) -> Box<dyn Listener> {
    HttpTransport::new(limits)
        .listen("127.0.0.1:0", accept)
        .await
        .unwrap()
}

/// The usual limits, changed.
pub fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// A JSON call of `Greeter.Hello`.
pub fn hello(body: &'static str) -> Request {
    let mut request = Request::new("greeter", "Greeter.Hello");
    request.content_type = ContentType::JSON;
    request.body = Body::Bytes(Bytes::from_static(body.as_bytes()));
    request
}
