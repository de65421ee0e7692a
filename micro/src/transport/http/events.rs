//! Streams by path: requests as lines of JSON, replies as lines of JSON or as server-sent events.
//!
//! An error in the middle is the last line, or an event `error`; a reply in lines is then broken off, so that none that
//! came to its end has failed.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use hyper::body::Frame;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::{MissedTickBehavior, interval};

use super::answer::Calls;
use super::unary::write_head;
use super::{ID, plain, unary};
use crate::error::{Error, Result};
use crate::http::{Exchange, Inbound, Outbound, too_large};
use crate::limits::Limits;
use crate::message::{Body, ContentType, Request, Response};

/// Many messages, one a line.
pub(super) const LINES: &str = "application/x-ndjson";
/// Server-sent events, as browsers read them.
const EVENTS: &str = "text/event-stream";
/// How often a reply that pauses says that it goes on, to proxies that cut silent connections.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Asks proxies to pass on what comes as it comes.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Answers the call of an endpoint that streams.
pub(super) async fn answer(
    calls: &Calls,
    mut exchange: Exchange<'_>,
    request: Request,
) -> hyper::Response<Outbound> {
    let outcome = open(calls, &mut exchange, request).await;
    let is_asked_for_events = asks_for_events(&exchange.parts.headers);
    let limits = &exchange.site.limits;
    let mut headers = std::mem::take(&mut exchange.parts.headers);
    headers.clear();
    let written = outcome.and_then(|response| match response.body {
        Body::Bytes(_) => plain::write_success(exchange.site, &mut headers, response),
        Body::Stream(_) => write(&mut headers, response, limits, is_asked_for_events),
    });
    plain::finish(headers, written)
}

/// Has the call begun.
async fn open(
    calls: &Calls,
    exchange: &mut Exchange<'_>,
    mut request: Request,
) -> Result<Response> {
    let limit = exchange.site.limits.message;
    request.peer = Some(exchange.peer.clone());
    request.body = if request.content_type.as_str() == LINES {
        request.content_type = ContentType::JSON;
        Body::Stream(lines(exchange.body.take(), limit))
    } else {
        let bytes = unary::read(exchange, &request.endpoint).await?;
        Body::Bytes(match bytes.is_empty() {
            true => Bytes::from_static(b"{}"),
            false => bytes,
        })
    };
    exchange.pace.begin_handler();
    calls.accept.call(request).await
}

/// The messages of a body, one a line; empty lines are none.
fn lines(body: Inbound, limit: usize) -> BoxStream<'static, Result<Bytes>> {
    let begun = (Some(body), BytesMut::new());
    stream::unfold(begun, move |(mut body, mut read)| async move {
        // So much of it was looked at before, and has no end of a line.
        let mut seen = 0;
        loop {
            let end = read[seen..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| seen + end) {
                seen = 0;
                let line = read.split_to(end + 1);
                let line = line.freeze().slice(..end);
                if !line.trim_ascii().is_empty() {
                    return Some((Ok(line), (body, read)));
                }
                continue;
            }
            if read.len() > limit {
                let error = too_large(ID, "a line", None, limit);
                return Some((Err(error), (None, BytesMut::new())));
            }
            seen = read.len();
            match body.as_mut()?.next().await {
                Ok(Some(piece)) => read.extend_from_slice(&piece),
                Ok(None) => {
                    let line = read.split().freeze();
                    let is_none = line.trim_ascii().is_empty();
                    return (!is_none).then_some((Ok(line), (None, read)));
                }
                Err(_) => {
                    let error = Error::cancelled(ID, "the caller broke off");
                    return Some((Err(error), (None, BytesMut::new())));
                }
            }
        }
    })
    .boxed()
}

fn asks_for_events(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.split(',')
            .any(|one| ContentType::new(one).as_str() == EVENTS)
    })
}

/// Writes what stands above the replies, and hands them out as they will be sent.
fn write(
    headers: &mut HeaderMap,
    response: Response,
    limits: &Limits,
    is_asked_for_events: bool,
) -> Result<Outbound> {
    write_head(headers, &response, limits)?;
    let (content_type, make): (_, fn(_) -> _) = match is_asked_for_events {
        true => (EVENTS, events),
        false => (LINES, replies),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(BUFFERING, HeaderValue::from_static("no"));
    let limit = limits.message;
    let bounded = response.body.into_stream().map(move |item| {
        item.and_then(|item| match item.len() > limit {
            true => Err(too_large(ID, "an item", Some(item.len() as u64), limit)),
            false => Ok(one_line(item)),
        })
    });
    Ok(Outbound::pieces(make(bounded.boxed())))
}

/// The same JSON, of which no line end is left: between its tokens they mean no more than spaces, here they would end it.
fn one_line(item: Bytes) -> Bytes {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    match item.iter().any(ends) {
        false => item,
        true => {
            let spaced = item
                .iter()
                .map(|byte| if ends(byte) { b' ' } else { *byte });
            spaced.collect()
        }
    }
}

type Pieces = BoxStream<'static, io::Result<Frame<Bytes>>>;

/// The items, one a line.
fn replies(items: BoxStream<'static, Result<Bytes>>) -> Pieces {
    let lines = items.map(|item| match item {
        Ok(item) => (piece(&[&item, b"\n"]), true),
        Err(error) => {
            let text = error.to_json();
            (piece(&[b"{\"error\":", text.as_bytes(), b"}\n"]), false)
        }
    });
    lines
        .flat_map(|(line, is_whole)| {
            let line = stream::once(async { Ok(line) });
            match is_whole {
                true => line.boxed(),
                false => line.chain(stream::once(broken_off())).boxed(),
            }
        })
        .boxed()
}

/// What has been sent leaves first.
async fn broken_off() -> io::Result<Frame<Bytes>> {
    tokio::task::yield_now().await;
    Err(io::Error::other("the stream failed"))
}

/// The items as events of no name; then `error` with the error, or `end`.
fn events(items: BoxStream<'static, Result<Bytes>>) -> Pieces {
    let mut signs = interval(SIGN_OF_LIFE);
    signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
    signs.reset();
    stream::unfold((Some(items), signs), |(items, mut signs)| async move {
        let mut items = items?;
        let event = tokio::select! {
            biased;
            item = items.next() => match item {
                Some(Ok(item)) => piece(&[b"data: ", &item, b"\n\n"]),
                Some(Err(error)) => {
                    let text = error.to_json();
                    let last = piece(&[b"event: error\ndata: ", text.as_bytes(), b"\n\n"]);
                    return Some((Ok(last), (None, signs)));
                }
                None => {
                    let last = piece(&[b"event: end\ndata: {}\n\n"]);
                    return Some((Ok(last), (None, signs)));
                }
            },
            _ = signs.tick() => piece(&[b":\n\n"]),
        };
        signs.reset();
        Some((Ok(event), (Some(items), signs)))
    })
    .boxed()
}

fn piece(parts: &[&[u8]]) -> Frame<Bytes> {
    Frame::data(parts.concat().into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream::{self, StreamExt as _};

    use super::{SIGN_OF_LIFE, events};

    #[tokio::test(start_paused = true)]
    async fn events_that_pause_are_a_comment_now_and_then() {
        let begun = tokio::time::Instant::now();

        let mut events = events(stream::pending().boxed());
        let first = events.next().await.unwrap().unwrap().into_data().unwrap();

        assert_eq!(first, Bytes::from(":\n\n"));
        assert_eq!(begun.elapsed(), SIGN_OF_LIFE);
    }
}
