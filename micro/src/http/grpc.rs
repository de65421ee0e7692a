//! The client end of gRPC: the one connection of HTTP/2 that the calls to a server share, whoever makes them.

use std::error::Error as StdError;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Uri, http};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Mutex;
use tonic::Status;
use tonic::body::Body as Sent;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tower_service::Service;

use crate::dial::{dial, refused, unreachable};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::phase::{self, Phase};
use crate::tls::{Protocol, Way};

/// The connection to one server, opened when it is first needed and again whenever it has ended.
pub(crate) struct Shared {
    /// Who speaks in its errors.
    id: &'static str,
    address: Arc<str>,
    limits: Limits,
    way: Way,
    /// Whoever opens it keeps the others waiting.
    open: Mutex<Option<SendRequest<Sent>>>,
    /// What the server is called in requests.
    origin: Uri,
}

impl Shared {
    /// # Errors
    ///
    /// `bad_request` if that is no address.
    pub(crate) fn new(id: &'static str, address: &str, limits: &Limits, way: Way) -> Result<Self> {
        let scheme = match way.name() {
            Some(_) => "https",
            None => "http",
        };
        let origin = Uri::builder().scheme(scheme).authority(address);
        let origin = origin.path_and_query("/").build().map_err(|source| {
            let detail = format!(
                "{address:?} is no address of a server: write a host and a port, such as 127.0.0.1:8080"
            );
            Error::bad_request(id, detail).with_source(source)
        })?;
        Ok(Self {
            id,
            address: address.into(),
            limits: limits.clone(),
            way,
            open: Mutex::new(None),
            origin,
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What makes calls of messages of this media type, on a connection that is there by `deadline`.
    ///
    /// # Errors
    ///
    /// As [`dial`]; nothing was sent.
    pub(crate) async fn grpc(
        &self,
        content_type: HeaderValue,
        deadline: Option<Instant>,
    ) -> Result<Grpc<Sender>> {
        let sender = Sender {
            id: self.id,
            connection: self.connection(deadline).await?,
            content_type,
            address: Arc::clone(&self.address),
        };
        let limit = self.limits.message;
        Ok(Grpc::with_origin(sender, self.origin.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(limit)
            .max_encoding_message_size(limit))
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
                tracing::debug!(%error, "a connection to a server of gRPC ended");
            }
        });
        *open = Some(sender.clone());
        phase::enter(Phase::Reply);
        Ok(sender)
    }
}

/// What tonic sends by: the connection, and how bodies are encoded.
pub(crate) struct Sender {
    id: &'static str,
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
        let (id, address) = (self.id, Arc::clone(&self.address));
        let mut connection = self.connection.clone();
        async move {
            let sent = connection.try_send_request(message).await;
            sent.map_err(|mut failed| {
                let is_unsent = failed.take_message().is_some();
                Own::new(broken(id, &address, failed.into_error(), is_unsent))
            })
        }
        .boxed()
    }
}

/// What a connection that broke means for the call.
fn broken(id: &'static str, address: &str, source: hyper::Error, is_unsent: bool) -> Error {
    if let Some(refused) = refused(address, &source) {
        return refused.with_source(source);
    }
    let is_refused = reason(&source) == Some(h2::Reason::REFUSED_STREAM);
    let detail = format!("the connection to {address} broke during the call: {source}");
    let error = Error::unavailable(id, detail).with_source(source);
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

/// An error of this end, on its way through tonic.
#[derive(Debug)]
pub(crate) struct Own(Lock<Option<Error>>);

impl Own {
    pub(crate) fn new(error: Error) -> Self {
        Self(Lock::new(Some(error)))
    }

    /// The error of this end that `status` stands for, if it does.
    pub(crate) fn of(status: &Status) -> Option<Error> {
        let own = status.source()?.downcast_ref::<Self>()?;
        own.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the call did not reach its end")
    }
}

impl StdError for Own {}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
