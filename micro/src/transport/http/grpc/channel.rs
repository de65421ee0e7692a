//! The client end: calls of a server of gRPC, on one connection of HTTP/2.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper::{Uri, http};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::{Mutex, mpsc};
use tonic::body::Body as Sent;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::{Request as Call, Response as Reply};
use tower_service::Service;

use super::super::head;
use super::status::{Own, to_error};
use super::{ID, Raw, content_type, media_type};
use crate::dial::{dial, refused, unreachable};
use crate::error::{Error, Result};
use crate::http::{AGENT, pairs};
use crate::limits::Limits;
use crate::message::{Body, Request, Response};
use crate::phase::{self, Phase};
use crate::tls::{Protocol, Way};
use crate::transport::pipe::pipe;
use crate::transport::{Channel, Socket};
use crate::wire;

/// The way to one node.
pub(super) struct GrpcChannel {
    address: Arc<str>,
    limits: Limits,
    way: Way,
    /// The connection that calls share, once there is one. Whoever opens it keeps the others waiting.
    open: Mutex<Option<SendRequest<Sent>>>,
    /// What the node is called in requests.
    origin: Uri,
}

impl GrpcChannel {
    /// # Errors
    ///
    /// `bad_request` if that is no address.
    pub(super) fn new(address: &str, limits: &Limits, way: Way) -> Result<Self> {
        let scheme = match way.name() {
            Some(_) => "https",
            None => "http",
        };
        let origin = Uri::builder().scheme(scheme).authority(address);
        let origin = origin.path_and_query("/").build().map_err(|source| {
            let detail = format!(
                "{address:?} is no address of a node: write a host and a port, such as 127.0.0.1:8080"
            );
            Error::bad_request(ID, detail).with_source(source)
        })?;
        Ok(Self {
            address: address.into(),
            limits: limits.clone(),
            way,
            open: Mutex::new(None),
            origin,
        })
    }

    /// The connection, a fresh one if the last has ended.
    async fn connection(&self, deadline: Option<Instant>) -> Result<SendRequest<Sent>> {
        let mut open = match self.open.try_lock() {
            Ok(open) => open,
            Err(_) => {
                phase::enter(Phase::Connection);
                self.open.lock().await
            }
        };
        if let Some(sender) = open.as_ref().filter(|sender| !sender.is_closed()) {
            phase::enter(Phase::Reply);
            return Ok(sender.clone());
        }
        phase::enter(Phase::Connection);
        let (address, limits) = (&*self.address, &self.limits);
        let stream = dial(address, limits, deadline, &self.way, Protocol::Http2).await?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(limits.idle_timeout / 2))
            .max_header_list_size(u32::try_from(limits.head).unwrap_or(u32::MAX))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| unreachable(address, &source).with_source(source))?;
        // It ends with the last call and the last hold on `sender`.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a node ended");
            }
        });
        *open = Some(sender.clone());
        phase::enter(Phase::Reply);
        Ok(sender)
    }

    /// What carries the call of `request` on `connection`, and its path.
    fn begin(
        &self,
        connection: SendRequest<Sent>,
        request: &Request,
    ) -> Result<(Grpc<Sender>, PathAndQuery)> {
        let (service, endpoint) = (&request.service, &request.endpoint);
        let path = endpoint.rsplit_once('.').and_then(|(kind, method)| {
            let package = match &**service {
                "" => String::new(),
                service => format!("{service}."),
            };
            PathAndQuery::try_from(format!("/{package}{kind}/{method}")).ok()
        });
        let path = path.ok_or_else(|| {
            let detail = format!(
                "{endpoint:?} of {service:?} is no path of gRPC: name it such as Greeter.Hello"
            );
            Error::bad_request(ID, detail)
        })?;
        let sender = Sender {
            connection,
            content_type: head::value(media_type(&request.content_type)),
            address: Arc::clone(&self.address),
        };
        let limit = self.limits.message;
        let grpc = Grpc::with_origin(sender, self.origin.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(limit)
            .max_encoding_message_size(limit);
        Ok((grpc, path))
    }

    /// The head of `request`, with this body.
    fn call<T>(&self, request: &Request, body: T) -> Result<Call<T>> {
        let mut headers = HeaderMap::new();
        let pairs = wire::metadata_pairs(&request.metadata);
        head::write(&mut headers, pairs, self.limits.head)?;
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let mut call = Call::new(body);
        *call.metadata_mut() = MetadataMap::from_headers(headers);
        if let Some(deadline) = request.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let detail = format!(
                    "the time for the call ran out before {} could be asked",
                    self.address
                );
                return Err(Error::timeout(ID, detail).late().never_reached());
            }
            call.set_timeout(left);
        }
        Ok(call)
    }

    async fn exchange(&self, mut request: Request) -> Result<Response> {
        let body = std::mem::take(&mut request.body).into_bytes()?;
        let connection = self.connection(request.deadline).await?;
        let (mut grpc, path) = self.begin(connection, &request)?;
        let call = self.call(&request, body)?;
        let reply = grpc.unary(call, path, Raw).await.map_err(to_error)?;
        Ok(response(&request, reply).map(Body::Bytes))
    }

    async fn socket(&self, request: Request) -> Result<Socket> {
        let connection = self.connection(request.deadline).await?;
        let (mut grpc, path) = self.begin(connection, &request)?;
        let (outgoing, messages) = pipe();
        let (broken, mut failed) = mpsc::channel(1);
        let call = self.call(&request, until_broken(messages, broken))?;
        let incoming = async move {
            let reply = tokio::select! {
                biased;
                Some(error) = failed.recv() => return Err(error),
                reply = grpc.streaming(call, path, Raw) => reply.map_err(to_error)?,
            };
            Ok(response(&request, reply).map(|items| {
                let items = items.map(|item| item.map_err(to_error)).boxed();
                Body::Stream(unless_broken(items, failed))
            }))
        };
        Ok(Socket {
            outgoing,
            incoming: incoming.boxed(),
        })
    }
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
    items: BoxStream<'static, Result<Bytes>>,
    failed: mpsc::Receiver<Error>,
) -> BoxStream<'static, Result<Bytes>> {
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
        write!(f, "GrpcChannel({})", self.address)
    }
}

/// What tonic sends by: the connection, and how bodies are encoded.
struct Sender {
    connection: SendRequest<Sent>,
    content_type: HeaderValue,
    address: Arc<str>,
}

impl Service<http::Request<Sent>> for Sender {
    type Response = http::Response<Incoming>;
    type Error = Own;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, Own>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Own>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut message: http::Request<Sent>) -> Self::Future {
        message
            .headers_mut()
            .insert(CONTENT_TYPE, self.content_type.clone());
        let (mut connection, address) = (self.connection.clone(), Arc::clone(&self.address));
        async move {
            let sent = connection.try_send_request(message).await;
            sent.map_err(|mut failed| {
                let is_unsent = failed.take_message().is_some();
                Own::new(broken(&address, failed.into_error(), is_unsent))
            })
        }
        .boxed()
    }
}

/// What a connection that broke means for the call.
fn broken(address: &str, source: hyper::Error, is_unsent: bool) -> Error {
    if let Some(refused) = refused(address, &source) {
        return refused.with_source(source);
    }
    let is_refused = reason(&source) == Some(h2::Reason::REFUSED_STREAM);
    let detail = format!("the connection to {address} broke during the call: {source}");
    let error = Error::unavailable(ID, detail).with_source(source);
    match is_unsent || is_refused {
        true => error.never_reached(),
        false => error,
    }
}

fn reason(error: &(dyn StdError + 'static)) -> Option<h2::Reason> {
    let own = error
        .downcast_ref::<h2::Error>()
        .and_then(h2::Error::reason);
    own.or_else(|| reason(error.source()?))
}
