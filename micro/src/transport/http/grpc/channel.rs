//! The client end: calls of a server of gRPC, on one connection of HTTP/2.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use futures_util::{FutureExt as _, Stream, TryFutureExt as _, TryStreamExt as _};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tonic::metadata::MetadataMap;
use tonic::{Request as Call, Response as Reply, Status};

use super::super::head;
use super::status::to_error;
use super::{ID, content_type, media_type};
use crate::error::{Error, Result};
use crate::http::grpc::{Raw, Shared};
use crate::http::{AGENT, pairs};
use crate::limits::Limits;
use crate::message::{Body, Request, Response};
use crate::tls::Way;
use crate::transport::pipe::pipe;
use crate::transport::{Channel, Socket};
use crate::wire;

/// How long a server that says nothing may still refuse a stream as a call: most servers have no word for its acceptance,
/// and say nothing before their first message.
const REFUSAL: Duration = Duration::from_millis(100);

/// The way to one node.
pub(super) struct GrpcChannel(Shared);

impl GrpcChannel {
    /// # Errors
    ///
    /// `bad_request` if that is no address.
    pub(super) fn new(address: &str, limits: &Limits, way: Way) -> Result<Self> {
        Shared::new(ID, address, limits, way).map(Self)
    }

    /// The head of `request`, with this body.
    fn call<T>(&self, request: &Request, body: T) -> Result<Call<T>> {
        let mut headers = HeaderMap::new();
        let pairs = wire::metadata_pairs(&request.metadata);
        head::write(&mut headers, pairs, self.0.limits().head)?;
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut call = Call::new(body);
        *call.metadata_mut() = MetadataMap::from_headers(headers);
        if let Some(deadline) = request.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let detail = format!(
                    "the time for the call ran out before {} could be asked",
                    self.0.address()
                );
                return Err(Error::timeout(ID, detail).late().never_reached());
            }
            call.set_timeout(left);
        }
        Ok(call)
    }

    async fn exchange(&self, mut request: Request) -> Result<Response> {
        let body = std::mem::take(&mut request.body).into_bytes()?;
        let path = path(&request)?;
        let content_type = head::value(media_type(&request.content_type));
        let mut grpc = self.0.grpc(content_type, request.deadline).await?;
        let call = self.call(&request, body)?;
        let reply = grpc.unary(call, path, Raw).await.map_err(to_error)?;
        Ok(response(&request, reply).map(Body::Bytes))
    }

    async fn socket(&self, request: Request) -> Result<Socket> {
        let path = path(&request)?;
        let content_type = head::value(media_type(&request.content_type));
        let mut grpc = self.0.grpc(content_type, request.deadline).await?;
        let (outgoing, messages) = pipe();
        let (broken, mut failed) = mpsc::channel(1);
        let (begun, is_begun) = oneshot::channel::<()>();
        let messages = until_broken(messages, broken);
        // The first that is asked for: the server has room for the stream.
        let first = stream::once(async move { drop(begun) }).filter_map(async |()| None);
        let call = self.call(&request, first.chain(messages).boxed())?;
        let mut reply = async move { grpc.streaming(call, path, Raw).await }.boxed();
        let incoming = async move {
            tokio::select! {
                biased;
                Some(error) = failed.recv() => Err(error),
                reply = &mut reply => {
                    let arrived = response(&request, reply.map_err(to_error)?);
                    Ok(arrived.map(|items| Body::Stream(unless_broken(items, failed))))
                }
                () = is_begun.then(|_| sleep(REFUSAL)) => {
                    let items = stream::once(reply.map_ok(Reply::into_inner)).try_flatten();
                    let body = Body::Stream(unless_broken(items, failed));
                    Ok(Response::new(request.content_type, body))
                }
            }
        };
        Ok(Socket {
            outgoing,
            incoming: incoming.boxed(),
        })
    }
}

/// Where the call of `request` goes.
fn path(request: &Request) -> Result<PathAndQuery> {
    let (service, endpoint) = (&request.service, &request.endpoint);
    let path = endpoint.rsplit_once('.').and_then(|(kind, method)| {
        let package = match &**service {
            "" => String::new(),
            service => format!("{service}."),
        };
        PathAndQuery::try_from(format!("/{package}{kind}/{method}")).ok()
    });
    path.ok_or_else(|| {
        let detail = format!(
            "{endpoint:?} of {service:?} is no path of gRPC: name it such as Greeter.Hello"
        );
        Error::bad_request(ID, detail)
    })
}

/// What came, before its body is made.
struct Arrived<T>(Response, T);

impl<T> Arrived<T> {
    fn map(self, body: impl FnOnce(T) -> Body) -> Response {
        let Self(mut response, rest) = self;
        response.body = body(rest);
        response
    }
}

fn response<T>(request: &Request, reply: Reply<T>) -> Arrived<T> {
    let (metadata, body, _) = reply.into_parts();
    let headers = metadata.into_headers();
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|text| text.to_str().ok());
    let content_type = text.and_then(content_type);
    let content_type = content_type.unwrap_or_else(|| request.content_type.clone());
    let mut response = Response::new(content_type, Body::default());
    response.metadata = wire::read_reply(pairs(&headers)).metadata;
    Arrived(response, body)
}

/// The messages up to an error, which is handed over; the stream then has no end, and is dropped with the call.
fn until_broken(
    messages: BoxStream<'static, Result<Bytes>>,
    broken: mpsc::Sender<Error>,
) -> BoxStream<'static, Bytes> {
    stream::unfold((messages, broken), |(mut messages, broken)| async move {
        match messages.next().await? {
            Ok(message) => Some((message, (messages, broken))),
            Err(error) => {
                // There is room for one, and nobody else sends; without a reader the call is over.
                let _ = broken.try_send(error);
                std::future::pending().await
            }
        }
    })
    .boxed()
}

/// The items of the reply, up to an error of the request's half.
fn unless_broken(
    items: impl Stream<Item = Result<Bytes, Status>> + Send + 'static,
    failed: mpsc::Receiver<Error>,
) -> BoxStream<'static, Result<Bytes>> {
    let items = items.map_err(to_error).boxed();
    stream::unfold(Some((items, failed)), |state| async move {
        let (mut items, mut failed) = state?;
        let item = tokio::select! {
            biased;
            Some(error) = failed.recv() => Err(error),
            item = items.next() => item?,
        };
        let rest = item.is_ok().then_some((items, failed));
        Some((item, rest))
    })
    .boxed()
}

impl Channel for GrpcChannel {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        self.exchange(request).boxed()
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>> {
        self.socket(request).boxed()
    }
}

impl fmt::Debug for GrpcChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrpcChannel({})", self.0.address())
    }
}
