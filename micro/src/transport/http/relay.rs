//! The server end of streams: messages of HTTP/1.1 back to back on a connection, as go-micro has them.
//!
//! The first message opens the stream and its body means nothing; each further one brings a message of the caller, and
//! each reply one of the handler. The last one of either side says how it ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, sink, split};
use tokio::time::timeout;

use super::answer::Calls;
use super::enveloped::{self, Opened};
use super::queue::{Receiver, Sender, queue};
use super::{EOS, ID, head, json_rpc, mucp};
use crate::codec::envelope::Call;
use crate::error::{Error, Result};
use crate::http::{self, Alike, Head, Of, Reader, Start, Whole, allowed, pairs, too_large};
use crate::limits::Limits;
use crate::listener::Site;
use crate::message::{Body, ContentType, Request, Response};
use crate::peer::Peer;
use crate::wire;

/// How many bytes of replies that are ready are written together.
const TOGETHER: usize = 16 << 10;

/// True if the connection that begins so is a stream. Peers that have no header to say so name an endpoint that streams.
pub(super) fn streams(
    calls: &Calls,
    first: &Head,
    body: Option<&[u8]>,
    peer: &str,
) -> Option<bool> {
    let Start::Request {
        method: Method::POST,
        path,
    } = &first.start
    else {
        return Some(false);
    };
    let told = opens(calls, path, &first.headers, body);
    // What is refused is told so in the form of a call.
    if told == Some(true) && !is_admitted(calls, path, &first.headers, peer) {
        return Some(false);
    }
    told
}

fn opens(calls: &Calls, path: &str, headers: &HeaderMap, body: Option<&[u8]>) -> Option<bool> {
    let is_said = |name| {
        headers
            .get(name)
            .is_some_and(|value| !HeaderValue::is_empty(value))
    };
    if head::STREAM.iter().any(is_said) {
        return Some(true);
    }
    if path != "/" || mucp::is_named(headers) || headers.contains_key(EXPECT) {
        return Some(false);
    }
    let Some(envelope) = enveloped::of(headers) else {
        return Some(false);
    };
    let body = body?;
    if envelope.inner() == ContentType::JSON && json_rpc::is_meant(body) {
        return Some(false);
    }
    let call = envelope.open_call(&Bytes::copy_from_slice(body));
    Some(call.is_ok_and(|call| calls.accept.streams(&Request::new("", call.endpoint))))
}

fn is_admitted(calls: &Calls, path: &str, headers: &HeaderMap, peer: &str) -> bool {
    let Ok(uri) = path.parse() else {
        return false;
    };
    let (mut parts, ()) = hyper::Request::new(()).into_parts();
    parts.uri = uri;
    parts.headers = headers.clone();
    calls.web.admit(&parts, peer).is_ok()
}

/// Serves the stream that comes on `connection` until either side ends it.
pub(super) async fn serve(calls: &Calls, connection: http::Opened, peer: Peer, site: &Site) {
    let (read, write) = split(connection);
    let mut reader = Reader::new(read, Of::Requests, &site.limits);
    let first = match reader.next().await {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(error) => {
            tracing::debug!(%peer, %error, "a stream ended before it was opened");
            return;
        }
    };
    let (request, message, stream) = open(calls, &first, peer);
    let mut replies = Replies {
        write,
        pending: BytesMut::new(),
        alike: Alike::new(OK, &stream.echo),
        limits: &site.limits,
        stream: &stream,
        last: None,
        is_lost: false,
    };
    let ended = match message {
        Ok(message) => {
            let (sender, receiver) = queue(site.limits.message);
            let mut request = request;
            request.body = match calls.accept.streams(&request) {
                true => Body::Stream(messages(receiver)),
                // One message and one reply, on a connection of their own.
                false => Body::Bytes(message),
            };
            tokio::select! {
                biased;
                taken = take(&mut reader, &stream, sender) => taken,
                outcome = answer(calls, request, &mut replies) => Some(outcome),
            }
        }
        Err(error) => Some(Err(error)),
    };
    let Some(outcome) = ended else { return };
    // A caller that is gone needs no end.
    if replies.end(outcome).await.is_ok() {
        let mut read = reader.into_inner();
        // A close with unread bytes would reset the connection, perhaps before the caller has read the end.
        let mut nowhere = sink();
        let _ = timeout(site.limits.linger, tokio::io::copy(&mut read, &mut nowhere)).await;
    }
}

const OK: &str = "HTTP/1.1 200 OK";

/// What is known of a stream since its first message.
struct Stream {
    /// Where its messages go.
    path: String,
    /// The envelope of its messages, if they have one.
    envelope: Option<Opened>,
    content_type: ContentType,
    /// The headers of the first message that every reply has again.
    echo: HeaderMap,
    /// The caller wants to be told when the handler has accepted the stream.
    tells: bool,
    /// The caller's last message, whose id replies bear.
    latest: Mutex<Call>,
}

impl Stream {
    fn latest(&self) -> MutexGuard<'_, Call> {
        // A call is whole after any panic: each change is one assignment.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if a message with that head is of this stream: a proxy may bring those of others on the same connection.
    fn owns(&self, head: &Head) -> bool {
        let is_alike = |name| self.echo.get(name) == head.headers.get(name);
        matches!(&head.start, Start::Request { method: Method::POST, path } if *path == self.path)
            && head::STREAM.iter().all(is_alike)
    }

    /// The message of the caller that `whole` brings; `None` if it ends the caller's side.
    fn message(&self, whole: Whole) -> Option<Result<Bytes>> {
        if let Some(text) = head::error(&whole.head.headers) {
            return (text != EOS).then(|| Err(Error::from_wire(&text)));
        }
        let Some(opened) = &self.envelope else {
            return Some(Ok(whole.body));
        };
        let call = opened.envelope.open_call(&whole.body);
        Some(call.map(|mut call| {
            let message = std::mem::take(&mut call.message);
            *self.latest() = call;
            message
        }))
    }
}

/// The call that the first message makes, the message in it, and what holds for those that follow.
fn open(calls: &Calls, first: &Whole, peer: Peer) -> (Request, Result<Bytes>, Stream) {
    let headers = &first.head.headers;
    let mut request = wire::read_request(pairs(headers), Instant::now());
    let (envelope, message) = match enveloped::of(headers) {
        Some(envelope) => {
            let (opened, message) = Opened::open(envelope, headers, &mut request, &first.body);
            (Some(opened), message)
        }
        None => (None, Ok(first.body.clone())),
    };
    if calls.accept.streams(&request) {
        // Older callers mean by it their patience with the first reply, and would end every stream after 5 s.
        request.deadline = None;
    }
    request.peer = Some(peer);
    let mut echo = HeaderMap::new();
    for name in [&[head::ID][..], &head::STREAM].concat() {
        if let Some(value) = headers.get(&name) {
            echo.insert(name, value.clone());
        }
    }
    let latest = envelope.as_ref().map(|opened| opened.call.clone());
    let path = match &first.head.start {
        Start::Request { path, .. } => path.clone(),
        Start::Reply(_) => String::new(),
    };
    let stream = Stream {
        path,
        content_type: request.content_type.clone(),
        envelope,
        echo,
        tells: headers.contains_key(head::OPENED),
        latest: Mutex::new(latest.unwrap_or_default()),
    };
    (request, message, stream)
}

/// Takes what the caller sends. Ready with `None` once it is gone, and with what is wrong with it.
async fn take<S: AsyncRead + Unpin>(
    reader: &mut Reader<S>,
    stream: &Stream,
    sender: Sender<Result<Bytes>>,
) -> Option<Result<()>> {
    // `None` once the caller has ended its side, or the handler wants no more.
    let mut sender = Some(sender);
    loop {
        let whole = match reader.next().await {
            Ok(Some(whole)) => whole,
            Ok(None) => return None,
            Err(error) if error.code() == 503 => return None,
            Err(error) => return Some(Err(error)),
        };
        if !stream.owns(&whole.head) {
            let detail = "a request came that is not of the stream its connection carries: \
                          streams do not pass through proxies that share connections";
            return Some(Err(Error::bad_request(ID, detail)));
        }
        let Some(open) = &sender else { continue };
        let message = stream.message(whole);
        let is_last = !matches!(message, Some(Ok(_)));
        if let Some(message) = message {
            let size = message.as_ref().map_or(0, Bytes::len);
            if !open.send(message, size).await {
                sender = None;
            }
        }
        if is_last {
            sender = None;
            // The handler sees the end before the caller may be seen to have gone.
            tokio::task::yield_now().await;
        }
    }
}

fn messages(receiver: Receiver<Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    futures_util::stream::unfold(receiver, async |mut receiver| {
        Some((receiver.recv().await?, receiver))
    })
    .boxed()
}

/// Has the handler answer, and sends what it answers.
async fn answer<W: AsyncWrite + Unpin>(
    calls: &Calls,
    request: Request,
    replies: &mut Replies<'_, W>,
) -> Result<()> {
    let response = calls.accept.call(request).await?;
    replies.begin(&response)?;
    let mut items = response.body.into_stream();
    loop {
        let next = match items.next().now_or_never() {
            Some(next) if replies.pending.len() < TOGETHER => next,
            Some(next) => {
                replies.flush().await?;
                next
            }
            None => {
                replies.flush().await?;
                items.next().await
            }
        };
        match next {
            Some(item) => replies.message(&item?)?,
            None => return Ok(()),
        }
    }
}

/// What goes to the caller.
struct Replies<'a, W> {
    write: W,
    /// Not yet written: of what is begun the rest, if it was dropped in between.
    pending: BytesMut,
    alike: Alike,
    limits: &'a Limits,
    stream: &'a Stream,
    last: Option<ContentType>,
    /// Nothing more can be written.
    is_lost: bool,
}

impl<W: AsyncWrite + Unpin> Replies<'_, W> {
    /// The handler has accepted the stream.
    fn begin(&mut self, response: &Response) -> Result<()> {
        let mut headers = self.stream.echo.clone();
        let metadata = wire::metadata_pairs(&response.metadata);
        head::write(&mut headers, metadata, self.limits.head)?;
        let outer = self.stream.envelope.as_ref().map(|opened| &opened.outer);
        let content_type = outer.unwrap_or(&response.content_type);
        headers.insert(CONTENT_TYPE, head::content_type(content_type));
        self.alike = Alike::new(OK, &headers);
        self.last = Some(response.content_type.clone());
        if self.stream.tells && matches!(response.body, Body::Stream(_)) {
            let yes = HeaderValue::from_static("yes");
            self.alike
                .write(&[(&head::OPENED, &yes)], b"", &mut self.pending);
        }
        Ok(())
    }

    fn message(&mut self, message: &Bytes) -> Result<()> {
        let limit = self.limits.message;
        if message.len() > limit {
            let size = Some(message.len() as u64);
            return Err(too_large(ID, "a message of the stream", size, limit));
        }
        match &self.stream.envelope {
            None => self.alike.write(&[], message, &mut self.pending),
            Some(opened) => {
                let mut body = Vec::new();
                let latest = self.stream.latest();
                opened.envelope.seal_reply(&latest, Ok(message), &mut body);
                self.alike.write(&[], &body, &mut self.pending);
            }
        }
        Ok(())
    }

    /// Says how the stream ended, and closes this side.
    async fn end(&mut self, outcome: Result<()>) -> std::io::Result<()> {
        let (text, reached) = match outcome {
            Ok(()) => (EOS.to_owned(), None),
            Err(error) => (wire::failure_text(&error), Some(wire::reached(&error))),
        };
        let mut headers = self.stream.echo.clone();
        if let Some(reached) = reached {
            headers.insert(head::REACHED, HeaderValue::from_static(reached));
        }
        let outer = self.stream.envelope.as_ref().map(|opened| &opened.outer);
        let content_type = outer
            .or(self.last.as_ref())
            .unwrap_or(&self.stream.content_type);
        headers.insert(CONTENT_TYPE, head::content_type(content_type));
        let value = head::value(&text);
        let mut body = Vec::new();
        if let Some(opened) = &self.stream.envelope {
            // v0 has the id of the first message in the last reply.
            opened
                .envelope
                .seal_reply(&opened.call, Err(&text), &mut body);
        }
        let more = [(&head::ERROR, &value), (&head::ERROR_TWIN, &value)];
        Alike::new(OK, &headers).write(&more, &body, &mut self.pending);
        self.written().await?;
        self.write.shutdown().await
    }

    async fn flush(&mut self) -> Result<()> {
        let lost =
            |source| Error::cancelled(ID, "the caller has left the stream").with_source(source);
        self.written().await.map_err(lost)
    }

    /// Writes what is pending; a caller that does not take it is given up.
    async fn written(&mut self) -> std::io::Result<()> {
        if self.is_lost {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let (patience, rate) = (self.limits.head_timeout, self.limits.body_rate);
        let allowed = allowed(patience, rate, self.pending.len());
        let writing = async {
            self.write.write_all_buf(&mut self.pending).await?;
            self.write.flush().await
        };
        let written = timeout(allowed, writing)
            .await
            .map_err(Into::into)
            .flatten();
        self.is_lost = written.is_err();
        written
    }
}
