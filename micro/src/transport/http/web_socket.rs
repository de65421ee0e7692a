//! Streams for pages in browsers: a message each way is a text frame of JSON (RFC 6455).
//!
//! An empty message from the page ends its half. The server ends with the close code 1000, or 4000 plus the code of the
//! error, whose detail is the reason.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::time::{MissedTickBehavior, interval};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as Fault, Message, Utf8Bytes};

use super::answer::Calls;
use super::{ID, plain, unary};
use crate::error::{Error, Result};
use crate::http::{Exchange, Outbound, pairs, too_large};
use crate::limits::Limits;
use crate::message::{Body, ContentType, Request, Response};
use crate::transport::pipe::pipe;
use crate::transport::{Accept, Outgoing};
use crate::wire;

/// How often a peer is asked whether it is still there; one that says nothing between two asks is not.
const ASK: Duration = Duration::from_secs(30);
/// How long a peer may take to close.
const CLOSE: Duration = Duration::from_secs(5);
/// The longest reason that a close carries.
const REASON: usize = 123;
/// What the code of an error is added to.
const ERRORS: u16 = 4000;

/// True if the head asks for a WebSocket.
pub(super) fn is_asked(parts: &Parts) -> bool {
    let says = |name: HeaderName, wanted: &str| {
        parts.headers.get_all(name).iter().any(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split(',')
                .any(|one| one.trim().eq_ignore_ascii_case(wanted))
        })
    };
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && says(UPGRADE, "websocket")
        && says(CONNECTION, "upgrade")
}

/// Agrees, and has the connection go on as a stream; or says why not.
pub(super) fn answer(calls: &Calls, mut exchange: Exchange<'_>) -> hyper::Response<Outbound> {
    let named = named(calls, &exchange.parts);
    let agreed = named.and_then(|request| Ok((request, agree(calls, &mut exchange)?)));
    let (mut request, (reply, upgrade)) = match agreed {
        Ok(agreed) => agreed,
        Err(error) => return plain::finish(HeaderMap::new(), Err(error)),
    };
    request.peer = Some(exchange.peer.clone());
    let (accept, peer) = (Arc::clone(&calls.accept), exchange.peer.clone());
    exchange.next.set(move |site| {
        async move {
            match upgrade.await {
                Ok(upgraded) => talk(upgraded, &*accept, request, &site.limits).await,
                Err(error) => tracing::debug!(%peer, %error, "a WebSocket was not opened"),
            }
        }
        .boxed()
    });
    reply
}

/// The call.
fn named(calls: &Calls, parts: &Parts) -> Result<Request> {
    let mut request = plain::by_path(
        parts,
        wire::read_request(pairs(&parts.headers), Instant::now()),
    )?;
    request.content_type = ContentType::JSON;
    let Request {
        service, endpoint, ..
    } = &request;
    if calls.accept.locate(service, endpoint).is_none() {
        let detail = format!("there is no {endpoint}");
        return Err(Error::not_found(ID, detail).never_reached());
    }
    Ok(request)
}

/// What is answered to who may open a WebSocket, and the connection to come.
///
/// # Errors
///
/// Why it may not.
pub(super) fn agree(
    calls: &Calls,
    exchange: &mut Exchange<'_>,
) -> Result<(hyper::Response<Outbound>, OnUpgrade)> {
    let parts = &mut exchange.parts;
    unary::one_host(parts)?;
    if !calls.web.trusts(parts) {
        let detail =
            "a page of another origin may open no WebSocket here: allow it by --allow_origin";
        return Err(Error::forbidden(ID, detail).never_reached());
    }
    if parts
        .headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(Error::bad_request(
            ID,
            "a WebSocket has version 13 here (Sec-WebSocket-Version)",
        ));
    }
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).cloned();
    let key = key.ok_or_else(|| Error::bad_request(ID, "a WebSocket needs Sec-WebSocket-Key"))?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let upgrade =
        upgrade.ok_or_else(|| Error::bad_request(ID, "this connection carries no WebSocket"))?;
    let mut reply = hyper::Response::new(Outbound::from(Bytes::new()));
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accepted) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
    }
    Ok((reply, upgrade))
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Has the call answered, and closes.
async fn talk(upgraded: Upgraded, accept: &dyn Accept, mut request: Request, limits: &Limits) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(limits.message))
        .max_frame_size(Some(limits.message));
    let upgraded = TokioIo::new(upgraded);
    let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(config)).await;
    let (mut sink, mut source) = socket.split();
    let (outgoing, messages) = pipe();
    let streams = accept.streams(&request);
    let answered = async {
        let body = Body::Stream(messages);
        request.body = match streams {
            true => body,
            false => Body::Bytes(body.into_first().await?),
        };
        accept.call(request).await
    };
    let heard = AtomicBool::new(true);
    let ended = tokio::select! {
        broken = read(&mut source, outgoing, &heard) => broken.map(Err),
        ended = write(&mut sink, answered, limits.message, &heard) => ended,
    };
    let closed = async {
        // Otherwise the peer has closed, which it is told was heard, or is gone.
        if let Some(outcome) = ended {
            sink.send(Message::Close(Some(farewell(outcome)))).await?;
            // It says so, too, and may still be sending.
            while let Some(Ok(_)) = source.next().await {}
        }
        sink.close().await
    };
    let _ = tokio::time::timeout(CLOSE, closed).await;
}

/// Hands on what the peer sends, until it closes; the error is to be told to it.
async fn read(
    source: &mut SplitStream<Socket>,
    outgoing: Outgoing,
    heard: &AtomicBool,
) -> Option<Error> {
    let mut outgoing = Some(outgoing);
    loop {
        let message = match source.next().await? {
            Ok(Message::Text(text)) => Bytes::from(text),
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Close(_)) => return None,
            Ok(_) => {
                heard.store(true, Relaxed);
                continue;
            }
            Err(Fault::Capacity(fault)) => {
                let detail = format!("{fault}: send less, or raise max_message");
                return Some(Error::too_large(ID, detail));
            }
            Err(_) => return None,
        };
        heard.store(true, Relaxed);
        let Some(open) = &mut outgoing else {
            continue;
        };
        let handed = match message.is_empty() {
            true => open.close().await.is_ok_and(|()| false),
            false => handed(open, message, heard).await,
        };
        // The half has ended, or the handler wants no more.
        if !handed {
            outgoing = None;
        }
    }
}

/// Hands `message` to the handler; false if it wants no more. While it takes none, nothing can be heard of the peer.
async fn handed(open: &mut Outgoing, message: Bytes, heard: &AtomicBool) -> bool {
    let mut sending = open.send(Ok(message));
    loop {
        match tokio::time::timeout(ASK / 2, &mut sending).await {
            Ok(sent) => return sent.is_ok(),
            Err(_) => heard.store(true, Relaxed),
        }
    }
}

/// Sends the replies; how they ended, or `None` if the peer is gone.
async fn write(
    sink: &mut SplitSink<Socket, Message>,
    answered: impl Future<Output = Result<Response>>,
    limit: usize,
    heard: &AtomicBool,
) -> Option<Result<()>> {
    let mut asks = interval(ASK);
    asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answered = pin!(answered);
    let mut replies = loop {
        tokio::select! {
            answer = &mut answered => match answer {
                Ok(response) => break response.body.into_stream(),
                Err(error) => return Some(Err(error)),
            },
            _ = asks.tick() => ask(sink, heard).await?,
        }
    };
    loop {
        let reply = tokio::select! {
            reply = replies.next() => reply,
            _ = asks.tick() => {
                ask(sink, heard).await?;
                continue;
            }
        };
        let Some(reply) = reply else {
            return Some(Ok(()));
        };
        let sent = match reply.and_then(|reply| text(reply, limit)) {
            Ok(text) => sink.send(text),
            Err(error) => return Some(Err(error)),
        };
        // A peer that takes nothing for so long is as good as gone.
        tokio::time::timeout(ASK, sent).await.ok()?.ok()?;
    }
}

/// A reply as a frame of text.
fn text(reply: Bytes, limit: usize) -> Result<Message> {
    if reply.len() > limit {
        return Err(too_large(ID, "a reply", Some(reply.len() as u64), limit));
    }
    let text = Utf8Bytes::try_from(reply).map_err(|source| {
        Error::internal(ID, "a reply is no text, so it is no JSON").with_source(source)
    })?;
    Ok(Message::Text(text))
}

/// Asks whether the peer is still there; `None` if it has said nothing since it was asked before.
async fn ask(sink: &mut SplitSink<Socket, Message>, heard: &AtomicBool) -> Option<()> {
    if !heard.swap(false, Relaxed) {
        return None;
    }
    let asked = sink.send(Message::Ping(Bytes::new()));
    tokio::time::timeout(ASK, asked).await.ok()?.ok()
}

/// How a stream that ended so is closed.
fn farewell(outcome: Result<()>) -> CloseFrame {
    match outcome {
        Ok(()) => CloseFrame {
            code: CloseCode::Normal,
            reason: Utf8Bytes::default(),
        },
        Err(error) => {
            let end = error.detail().floor_char_boundary(REASON);
            CloseFrame {
                code: CloseCode::Library(ERRORS + error.code().min(999)),
                reason: error.detail()[..end].into(),
            }
        }
    }
}
