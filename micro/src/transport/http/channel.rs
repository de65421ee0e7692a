//! The client end: one call as one HTTP request, a stream as many.

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
use hyper::{Method, StatusCode, Uri};

use super::ID;
use super::make::Make;
use super::{head, open};
use crate::codec::envelope::{self, Envelope};
use crate::dial::refused;
use crate::error::{Error, Result};
use crate::http::{AGENT, Failed, Fault, Inbound, Lease, Pool, is_closing, pairs, too_large};
use crate::message::{Body, ContentType, Request, Response};
use crate::phase::{self, Phase};
use crate::tls::{self, Way};
use crate::transport::{Channel, Facts, Limits, Socket};
use crate::wire::{self, Reply};

/// How much of a page that is no reply is shown.
const SHOWN: usize = 200;

/// The way to one node.
pub(in super::super) struct HttpChannel {
    pool: Arc<Pool>,
    make: Make,
    host: HeaderValue,
    next: AtomicU64,
    /// A reply said that the node takes frames, too.
    has_seen_frames: AtomicBool,
}

impl HttpChannel {
    pub(in super::super) fn new(
        address: &str,
        facts: &Facts,
        limits: &Limits,
        way: Way,
    ) -> Result<Self> {
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
            make: Make::of(facts),
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

    /// True if the node is of this framework, or nothing is known of it.
    #[cfg(feature = "transport-websocket")]
    pub(in super::super) fn is_to_ours(&self) -> bool {
        self.make == Make::Ours
    }

    async fn exchange(&self, mut request: Request) -> Result<Response> {
        let limit = self.pool.limits().message;
        let body = std::mem::take(&mut request.body).into_bytes()?;
        if body.len() > limit {
            let whose = format!("the call of {}", request.endpoint);
            return Err(too_large(ID, &whose, Some(body.len() as u64), limit));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (wanted, envelope) = self.seal(&mut request);
        let body = match envelope {
            None => body,
            Some(envelope) => {
                let mut sealed = Vec::new();
                envelope.seal_call(&request.endpoint, id, &body, &mut sealed);
                sealed.into()
            }
        };
        let mut lease = self.pool.lease(request.deadline).await?;
        let message = match self.message(&request, id, body, lease.headers()) {
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
        if parts.status != StatusCode::OK && envelope.is_none() {
            return Err(self.no_reply(parts.status, &reply, body.start(SHOWN).await));
        }
        phase::enter(Phase::Rest);
        let bytes = body.read(limit).await;
        let bytes = bytes.map_err(|fault| self.cut_short(&request.endpoint, fault))?;
        // Some generations of go-micro close after an error, without saying so.
        let is_ours = reply.reached.is_some();
        let outcome = match envelope {
            None => self.response(wanted, reply, bytes),
            Some(envelope) => self.opened(envelope, wanted, parts.status, reply, bytes),
        };
        if (outcome.is_ok() || is_ours) && !is_closing(&parts.headers) {
            lease.give_back(&self.pool, parts.headers);
        }
        outcome
    }

    /// Names in `request` what its message is sealed in, if the caller is told so or an older node takes no other.
    /// Returns the form of the message.
    fn seal(&self, request: &mut Request) -> (ContentType, Option<&'static dyn Envelope>) {
        let wanted = request.content_type.clone();
        if let Some(told) = envelope::told(request.accept.as_ref(), &wanted) {
            if let Some(outer) = request.accept.replace(wanted.clone()) {
                request.content_type = outer;
            }
            return (wanted, Some(told));
        }
        let envelope = match self.make {
            Make::Older => envelope::around(&wanted),
            Make::Ours | Make::Mucp => None,
        };
        if let Some(name) = envelope.and_then(|envelope| envelope.content_types().first()) {
            request.content_type = ContentType::new(name);
            request.accept = Some(wanted.clone());
        }
        (wanted, envelope)
    }

    /// The whole request; `headers` is empty.
    fn message(
        &self,
        request: &Request,
        id: u64,
        body: Bytes,
        mut headers: HeaderMap,
    ) -> Result<hyper::Request<Full<Bytes>>> {
        // Of a body that is empty it is not written unasked.
        headers.insert(CONTENT_LENGTH, head::value(body.len()));
        self.write_head(request, id, &mut headers)?;
        let mut message = hyper::Request::new(Full::new(body));
        *message.method_mut() = Method::POST;
        *message.uri_mut() = Uri::from_static("/");
        *message.headers_mut() = headers;
        Ok(message)
    }

    /// What stands above every message to this node, and above those of this call.
    fn write_head(&self, request: &Request, id: u64, headers: &mut HeaderMap) -> Result<()> {
        let left = self.time_left(request.deadline)?;
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let pairs = wire::request_pairs(request, id, left);
        head::write(headers, pairs, self.pool.limits().head)
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

    fn response(&self, wanted: ContentType, reply: Reply, bytes: Bytes) -> Result<Response> {
        if let Some(error) = reply.error {
            return Err(error);
        }
        let content_type = reply.content_type.unwrap_or(wanted);
        self.refused(&content_type, &bytes)?;
        let mut response = Response::new(content_type, Body::Bytes(bytes));
        response.metadata = reply.metadata;
        Ok(response)
    }

    /// The reply of an older node, whose errors are in the body, and may be statuses besides.
    fn opened(
        &self,
        envelope: &dyn Envelope,
        wanted: ContentType,
        status: StatusCode,
        reply: Reply,
        bytes: Bytes,
    ) -> Result<Response> {
        if let Some(error) = reply.error {
            return Err(error);
        }
        if let Some(content_type) = &reply.content_type {
            self.refused(content_type, &bytes)?;
        }
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned();
        match envelope.open_reply(&bytes) {
            Ok(envelope::Reply::Failed(text)) => Err(envelope::failure(&text)),
            Ok(envelope::Reply::Message(message)) if status == StatusCode::OK => {
                let mut response = Response::new(wanted, Body::Bytes(message));
                response.metadata = reply.metadata;
                Ok(response)
            }
            Err(error) if status == StatusCode::OK => {
                let detail = format!("{}: {}", self.pool.address(), error.detail());
                Err(Error::bad_gateway(ID, detail).with_source(error))
            }
            _ => Err(self.no_reply(status, &reply, shown())),
        }
    }

    /// An error if `bytes` are go-micro's words for a content type that it does not know.
    fn refused(&self, content_type: &ContentType, bytes: &[u8]) -> Result<()> {
        if !is_refusal(content_type, bytes) {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
        let detail = format!("{} answered: {text}", self.pool.address());
        Err(Error::unsupported(ID, detail))
    }

    /// Opens a stream on a connection of its own.
    async fn stream(&self, mut request: Request) -> Result<Socket> {
        let connection = self.pool.dial(request.deadline).await?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (wanted, envelope) = self.seal(&mut request);
        let mut headers = HeaderMap::new();
        self.write_head(&request, id, &mut headers)?;
        headers.insert(head::STREAM[0].clone(), head::value(id));
        let terms = open::Terms {
            node: self.pool.address().to_owned(),
            make: self.make,
            endpoint: request.endpoint.into_owned(),
            content_type: wanted,
            envelope,
            headers,
        };
        Ok(open::start(connection, terms, self.pool.limits()))
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
        self.stream(request).boxed()
    }
}

impl fmt::Debug for HttpChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpChannel({})", self.pool.address())
    }
}
