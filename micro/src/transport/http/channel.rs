//! The client end: one call as one HTTP request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::response::Parts;
use hyper::{Method, StatusCode, Uri};

use super::ID;
use super::head;
use crate::dial::refused;
use crate::error::{Error, Result};
use crate::http::{AGENT, Failed, Fault, Inbound, Lease, Pool, is_closing, pairs, too_large};
use crate::message::{Body, ContentType, Request, Response};
use crate::phase::{self, Phase};
use crate::tls::{self, Way};
use crate::transport::{Channel, Limits, Socket};
use crate::wire::{self, Reply};

/// How much of a page that is no reply is shown.
const SHOWN: usize = 200;

/// The way to one node.
pub(in super::super) struct HttpChannel {
    pool: Arc<Pool>,
    host: HeaderValue,
    next: AtomicU64,
    /// A reply said that the node takes frames, too.
    has_seen_frames: AtomicBool,
}

impl HttpChannel {
    pub(in super::super) fn new(address: &str, limits: &Limits, way: Way) -> Result<Self> {
        let wrong = || {
            Error::bad_request(
                ID,
                format!(
                    "{address:?} is no address of a node: write a host and a port, such as 127.0.0.1:8080"
                ),
            )
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let is_host = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:%".contains(&byte));
        if !is_host || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(wrong());
        }
        Ok(Self {
            pool: Arc::new(Pool::new(address, limits, way)),
            host: head::value(address),
            next: AtomicU64::new(0),
            has_seen_frames: AtomicBool::new(false),
        })
    }

    /// True once a reply has said that the node takes frames, too.
    #[cfg(feature = "frames")]
    pub(in super::super) fn has_seen_frames(&self) -> bool {
        self.has_seen_frames.load(Ordering::Relaxed)
    }

    async fn exchange(&self, mut request: Request) -> Result<Response> {
        let limit = self.pool.limits().message;
        let body = std::mem::take(&mut request.body).into_bytes()?;
        if body.len() > limit {
            let whose = format!("the call of {}", request.endpoint);
            return Err(too_large(ID, &whose, Some(body.len() as u64), limit));
        }
        let mut lease = self.pool.lease(request.deadline).await?;
        let message = match self.message(&request, body, lease.headers()) {
            Ok(message) => message,
            Err(error) => {
                lease.give_back(&self.pool, HeaderMap::new());
                return Err(error);
            }
        };
        let (parts, body) = self
            .send(&mut lease, message, &request.endpoint, request.deadline)
            .await?
            .into_parts();
        let mut body = Inbound::new(body);
        let reply = wire::read_reply(pairs(&parts.headers));
        if parts.headers.contains_key(head::FRAMES) {
            self.has_seen_frames.store(true, Ordering::Relaxed);
        }
        if parts.status != StatusCode::OK {
            return Err(self.no_reply(parts.status, &reply, body.start(SHOWN).await));
        }
        phase::enter(Phase::Rest);
        let bytes = body.read(limit).await;
        let bytes = bytes.map_err(|fault| self.cut_short(&request.endpoint, fault))?;
        if is_reusable(&parts, &reply) {
            lease.give_back(&self.pool, parts.headers);
        }
        self.response(request, reply, bytes)
    }

    /// The whole request; `headers` is empty.
    fn message(
        &self,
        request: &Request,
        body: Bytes,
        mut headers: HeaderMap,
    ) -> Result<hyper::Request<Full<Bytes>>> {
        let left = self.time_left(request.deadline)?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        // Of a body that is empty it is not written unasked.
        headers.insert(CONTENT_LENGTH, head::value(body.len()));
        let pairs = wire::request_pairs(request, id, left);
        head::write(&mut headers, pairs, self.pool.limits().head)?;
        let mut message = hyper::Request::new(Full::new(body));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = Uri::from_static("/");
        *message.headers_mut() = headers;
        Ok(message)
    }

    /// Sends `message`, on a fresh connection if the one at hand turns out to be closed.
    async fn send(
        &self,
        lease: &mut Lease<'_>,
        message: hyper::Request<Full<Bytes>>,
        endpoint: &str,
        deadline: Option<Instant>,
    ) -> Result<hyper::Response<Incoming>> {
        let again = |message: &mut hyper::Request<Full<Bytes>>| {
            if let Some(left) = self.time_left(deadline)? {
                let left = head::value(wire::nanoseconds(left));
                message.headers_mut().insert(head::TIMEOUT, left);
            }
            Ok(())
        };
        lease
            .send(message, deadline, again)
            .await
            .map_err(|failed| match failed {
                Failed::Refused(error) => error,
                Failed::Broken { source, is_unsent } => {
                    let error = self.broken(endpoint, source);
                    if is_unsent {
                        error.never_reached()
                    } else {
                        error
                    }
                }
            })
    }

    /// The time until the caller stops waiting.
    fn time_left(&self, deadline: Option<Instant>) -> Result<Option<Duration>> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            let detail = format!(
                "the time for the call ran out before {} could be asked",
                self.pool.address()
            );
            return Err(Error::timeout(ID, detail).late().never_reached());
        }
        Ok(left)
    }

    fn response(&self, request: Request, reply: Reply, bytes: Bytes) -> Result<Response> {
        if let Some(error) = reply.error {
            return Err(error);
        }
        let content_type = reply.content_type.unwrap_or(request.content_type);
        if is_refusal(&content_type, &bytes) {
            // go-micro's words for a content type that it does not know.
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
            return Err(Error::unsupported(
                ID,
                format!("{} answered: {text}", self.pool.address()),
            ));
        }
        let mut response = Response::new(content_type, Body::Bytes(bytes));
        response.metadata = reply.metadata;
        Ok(response)
    }

    /// The node, or something in between, answered with a page.
    fn no_reply(&self, status: StatusCode, reply: &Reply, page: String) -> Error {
        if status == StatusCode::UPGRADE_REQUIRED && reply.reached == Some(false) {
            return tls::only(self.pool.address());
        }
        let detail = format!(
            "{} answered HTTP {status}: {}",
            self.pool.address(),
            page.trim()
        );
        let error = Error::bad_gateway(ID, detail);
        if reply.reached == Some(false) {
            return error.never_reached();
        }
        error
    }

    fn cut_short(&self, endpoint: &str, fault: Fault) -> Error {
        match fault {
            Fault::TooLarge(size) => {
                let whose = format!("the reply of {endpoint} at {}", self.pool.address());
                too_large(ID, &whose, size, self.pool.limits().message)
            }
            Fault::Broken(source) => self.broken(endpoint, source),
            Fault::Stalled => Error::internal(ID, "a reply was given up"),
        }
    }

    fn broken(&self, endpoint: &str, source: hyper::Error) -> Error {
        let node = self.pool.address();
        if let Some(refused) = refused(node, &source) {
            return refused.with_source(source);
        }
        if source.is_parse() {
            let detail =
                format!("{node} answered the call of {endpoint} with something that is not HTTP");
            return Error::bad_gateway(ID, detail).with_source(source);
        }
        let detail =
            format!("the connection to {node} broke during the call of {endpoint}: {source}");
        Error::unavailable(ID, detail).with_source(source)
    }
}

/// True if the connection can carry another call.
fn is_reusable(parts: &Parts, reply: &Reply) -> bool {
    // Some generations of go-micro close after an error, without saying so.
    !is_closing(&parts.headers) && (reply.error.is_none() || reply.reached.is_some())
}

fn is_refusal(content_type: &ContentType, body: &[u8]) -> bool {
    const WORDS: &[u8] = b"unsupported content-type";
    content_type.as_str() == "text/plain"
        && body
            .get(..WORDS.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(WORDS))
}

impl Channel for HttpChannel {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        self.exchange(request).boxed()
    }

    fn open(&self, request: Request) -> BoxFuture<'_, Result<Socket>> {
        let detail = format!(
            "{} streams; HTTP carries no streams: the node must take frames",
            request.endpoint
        );
        async move { Err(Error::not_implemented(ID, detail)) }.boxed()
    }
}

impl fmt::Debug for HttpChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpChannel({})", self.pool.address())
    }
}
